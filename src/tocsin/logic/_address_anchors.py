r"""What a line of JSON needs for a field to have a certain IP address, or one of a block.

An address is read leniently (`field_types.coerce`): with blanks around it and a zone behind it, in
either case, an IPv4 one also in its mapped form, which always has ``:ffff:`` in it.

    169.254.169.254   ->   "169.254.169.254" or ":ffff:"
    172.16.0.0/14     ->   "172.16." or "172.17." or "172.18." or "172.19." or ":ffff:"
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from tocsin.logic._anchor_formulas import (
    ANYTHING,
    MOST_ALTERNATIVES,
    NOTHING,
    Anchor,
    Text,
    all_of,
    any_of,
)
from tocsin.logic._json_places import value_anchor
from tocsin.logic._json_spelling import quoted
from tocsin.logic.matchers import network_of

_MOST_OCTETS = 16
_OCTET = 8
_GROUPS_OF_HEX = 6
_MAPPED = Text(b":ffff:")


def addresses_anchor(field: str, values: Sequence[str]) -> Anchor:
    """One of the addresses; a constant that is none is equal to no address."""
    if len(values) > MOST_ALTERNATIVES:
        return ANYTHING
    found: list[Anchor] = []
    begins: list[bytes] = []
    for value in values:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            continue
        if isinstance(address, ipaddress.IPv4Address):
            text = str(address).encode()
            found.append(any_of((Text(text), _MAPPED)))
            begins.append(quoted(text) + rb"[^0-9\n]")
        else:
            found.append(_groups(address))
            begins.append(b"")
    return _either(field, found, begins)


def networks_anchor(field: str, blocks: Sequence[str]) -> Anchor:
    """An address in one of the blocks: the octets that all addresses of a block share."""
    if len(blocks) > MOST_ALTERNATIVES:
        return ANYTHING
    found: list[Anchor] = []
    begins: list[bytes] = []
    for block in blocks:
        network = network_of(block)
        if isinstance(network, ipaddress.IPv4Network):
            texts = [text.encode() for text in _octets(network)]
            found.append(any_of((*(Text(t) if t else ANYTHING for t in texts), _MAPPED)))
            begins.extend(map(quoted, texts))
        elif network is not None:
            found.append(_first_group(network))
            begins.append(b"")
    return _either(field, found, begins)


def address_text_anchor(pieces: Iterable[str]) -> Anchor:
    """An address whose text, as Tocsin writes it, has these pieces: with a dot it is of IPv4."""
    texts = (Text(piece.lower().encode()) for piece in pieces if "." in piece and piece.isascii())
    return all_of(any_of((text, _MAPPED)) for text in texts)


def _either(field: str, found: Sequence[Anchor], begins: Sequence[bytes]) -> Anchor:
    """One of the anchors, and the field's value begins in one of the ways, or is written oddly."""
    if not found:
        return NOTHING
    if not all(begins):
        return any_of(found)
    either = b"|".join((*begins, rb"[0:]*:ffff:", rb'[^0-9a-f:"\n]'))
    return all_of((any_of(found), value_anchor(field, [b'"(?:%b)' % either], size=len(begins))))


def _groups(address: ipaddress.IPv6Address) -> Anchor:
    """The groups of four digits: they are written in one way, unless the last two as IPv4."""
    # `exploded` raises where there is a zone (fe80::1%eth0).
    groups = address.packed.hex(":", 2).split(":")[:_GROUPS_OF_HEX]
    texts = [f":{group}:" for group in groups if not group.startswith("0")]
    if texts and not groups[0].startswith("0"):
        texts[0] = texts[0][1:]
    return all_of(Text(text.encode()) for text in texts)


def _first_group(network: ipaddress.IPv6Network) -> Anchor:
    group = network.network_address.packed.hex(":", 2)[:4]
    if network.prefixlen < 2 * _OCTET or group.startswith("0"):
        return ANYTHING
    return Text(f"{group}:".encode())


def _octets(network: ipaddress.IPv4Network) -> list[str]:
    """What the addresses of a block begin with: ``169.254.``, or one of several."""
    whole, rest = divmod(network.prefixlen, _OCTET)
    octets = str(network.network_address).split(".")
    if whole == len(octets):
        return [str(network.network_address)]
    shared = "".join(f"{octet}." for octet in octets[:whole])
    count = 1 << (_OCTET - rest)
    if not rest or count > _MOST_OCTETS:
        return [shared]
    first = int(octets[whole])
    end = "." if whole + 1 < len(octets) else ""
    return [f"{shared}{octet}{end}" for octet in range(first, first + count)]
