"""Secrets out, evidence in: what an alert may not carry is replaced by ``[redacted]``.

Values are found by the name they stand under (a key of a document, a flag, a header, ``name=…``)
or by a shape that only secrets have (JSON web tokens, vendors' token prefixes). Access key ids,
paths, URLs and variables such as ``$TOKEN`` are evidence and stay.

>>> scrub_text('curl -H "X-aws-ec2-metadata-token: AQAEAL0x==" http://169.254.169.254/latest/')
'curl -H "X-aws-ec2-metadata-token: [redacted]" http://169.254.169.254/latest/'
>>> scrub({"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "wJalr"})
{'AccessKeyId': 'ASIAEXAMPLE', 'SecretAccessKey': '[redacted]'}

Scrubbing a text that has been scrubbed changes nothing.

Most documents hold no secret, and most texts of the others neither. So a first look collects the
texts of a document and screens them all at once; only where that finds something, or a key says
something of its value, a copy is made, and only the texts that were found are scrubbed. Of a
document that is no plain JSON (bytes, keys that are no texts), every text is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from tocsin.alerts._arguments import is_argument, may_hold, paired, scrub_arguments
from tocsin.alerts._secret_texts import ANY_PATH, NO_SECRET, REDACTED, scrub_text, suspects

__all__ = ["REDACTED", "TOO_DEEP", "scrub", "scrub_field", "scrub_text", "scrubbed"]

TOO_DEEP = "[nested too deeply]"

_DEEPEST = 100

_SECRET_KEYS = frozenset({
    "apikey", "authtoken", "authorization", "accesstoken", "accountkey", "awssecretaccesskey",
    "awssessiontoken", "bearertoken", "clientsecret", "cookie", "idtoken", "masteruserpassword",
    "passphrase", "passwd", "password", "privatekey", "proxyauthorization", "refreshtoken",
    "pwd", "secret", "secretaccesskey", "secretkey", "secretstring", "securitytoken",
    "sessiontoken", "setcookie", "sharedaccesskey", "sharedsecret", "token",
    "xamzsecuritytoken", "xapikey", "xauthtoken",
    "xawsec2metadatatoken", "xvaulttoken",
})  # fmt: skip
"""Names of fields that hold a secret: the last part of a key, in lower case, without ``_ -``."""

_SECRET_END = re.compile(
    r"(?:passw(?:or)?d|passphrase|secretaccesskey|clientsecret|privatekey|secretkey"
    r"|(?:access|auth|refresh|sas|security|session)token)\Z"
)
"""Ends of such names that say the same whatever stands before them."""

_SECRET_WORD = re.compile(r"[A-Za-z0-9][_-](?:token|secret|pwd)\Z", re.IGNORECASE)

_LONGEST_KEY = 128
"""The longest key of which is remembered what it says."""

_MOST_KEYS = 8_192

_plain_keys: set[str] = set()
"""Keys that say nothing of what stands under them, and are no secrets themselves."""

_SCALARS = frozenset((int, float, bool, type(None)))

_Role = Literal["plain", "secret", "argument", "header", "odd"]

_Suspects = frozenset[str] | None
"""The texts of a document that have to be looked at; None: all of them."""


def scrub(value: Any) -> Any:
    """A copy of a JSON value without secrets; what is not JSON becomes its text."""
    return _scrub(value, 0, _Look(value).suspects if type(value) is dict else None)


def scrubbed(document: dict[str, Any]) -> dict[str, Any]:
    """A document without secrets: itself, where it has none, so that nobody may change it."""
    if type(document) is not dict:
        return _object(document, 0, None)
    look = _Look(document)
    if look.is_clean:
        return document
    copy = _object(document, 0, look.suspects)
    return document if look.suspects is not None and copy == document else copy


def scrub_field(field: str, value: Any) -> Any:
    """A value that stands under a dotted field name, without secrets."""
    return _under(field, value, 0, None)


# --- what has to be looked at --------------------------------------------------------------------


class _Look:
    """A first look at a document, at what it is made of and at all of its texts at once.

    Attributes:
        suspects: its texts that may hold secrets; None: all of them, as it is no plain JSON, or
            nested too deeply.
        is_clean: nothing in it has to be replaced.
    """

    __slots__ = ("_processes", "is_clean", "suspects")

    def __init__(self, document: dict[str, Any]) -> None:
        self.suspects: _Suspects = None
        self.is_clean = False
        self._processes: list[tuple[dict[str, Any], list[str]]] = []
        texts: list[str] = []
        is_telling = False
        level: list[Any] = [document]
        depth = 0
        while level:
            if depth == _DEEPEST:
                return  # what is deeper is cut
            deeper: list[Any] = []
            for node in level:
                if type(node) is dict:
                    if not node.keys() <= _plain_keys:
                        role = self._telling(node)
                        if role == "odd":
                            return
                        is_telling = is_telling or role == "secret"
                    values: Iterable[Any] = node.values()
                elif type(node) is list:
                    values = node
                else:
                    return
                for value in values:
                    kind = type(value)
                    if kind is str:
                        texts.append(value)
                    elif kind not in _SCALARS:
                        deeper.append(value)
            level = deeper
            depth += 1
        numbers = suspects(texts)
        if numbers is None:
            return
        found = frozenset(texts[number] for number in numbers)
        self.suspects = found
        self.is_clean = not (
            found
            or is_telling
            or any(may_hold(process, keys, found) for process, keys in self._processes)
        )

    def _telling(self, value: dict[Any, Any]) -> _Role:
        """What the keys of an object say."""
        arguments: list[str] = []
        found: _Role = "plain"
        for key in value.keys() - _plain_keys:
            role = _role(key)
            if role == "odd":
                return role
            if role == "argument":
                arguments.append(key)
            elif role == "header":
                found = "secret" if _header(value) else found
            elif role == "secret" and not isinstance(value[key], (dict, bool, type(None))):
                found = "secret"
        if arguments:
            self._processes.append((value, arguments))
        return found


def _role(key: Any) -> _Role:
    """What a key says of the value under it; ``odd`` is one that cannot stay as it is."""
    if type(key) is not str:
        return "odd"
    if len(key) > _LONGEST_KEY:
        return _role_of(key)
    role = _short_role(key)
    if role == "plain":
        if len(_plain_keys) >= _MOST_KEYS:
            _plain_keys.clear()
        _plain_keys.add(key)
    return role


def _role_of(key: str) -> _Role:
    if scrub_text(key) != key:
        return "odd"
    if _is_secret_key(key):
        return "secret"
    if is_argument(key):
        return "argument"
    return "header" if key == "value" else "plain"


_short_role = lru_cache(maxsize=_MOST_KEYS)(_role_of)


def _header(value: Mapping[Any, Any]) -> str:
    """The name of a header as an object that holds a secret: ``{"name": "Cookie", "value": …}``."""
    name = value.get("name") or value.get("key")
    return name if isinstance(name, str) and "value" in value and _is_secret_key(name) else ""


# --- the copy without secrets --------------------------------------------------------------------


def _scrub(value: Any, depth: int, suspects: _Suspects) -> Any:
    if isinstance(value, str):
        return scrub_text(value) if suspects is None or value in suspects else value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth >= _DEEPEST:
        return TOO_DEEP
    if isinstance(value, (dict, Mapping)):
        return _object(value, depth, suspects)
    if isinstance(value, (list, tuple)):
        return _array(value, depth, suspects)
    if isinstance(value, (bytes, bytearray)):
        return scrub_text(bytes(value).decode("utf-8", "replace"))
    return scrub_text(str(value))


def _object(value: Mapping[Any, Any], depth: int, suspects: _Suspects) -> dict[str, Any]:
    scrubbed: dict[str, Any] = {}
    arguments: list[str] = []
    for key, below in value.items():
        if key in _plain_keys:
            is_clean = type(below) is str and suspects is not None and below not in suspects
            scrubbed[key] = below if is_clean else _scrub(below, depth + 1, suspects)
            continue
        name = str(key)
        clean = scrub_text(key) if isinstance(key, str) else name
        scrubbed[clean] = _under(name, below, depth + 1, suspects)
        if is_argument(clean):
            arguments.append(clean)
    if arguments and (suspects is None or may_hold(value, arguments, suspects)):
        scrub_arguments(value, scrubbed)
    header = _header(value)
    if header:
        scrubbed["value"] = _under(header, value["value"], depth + 1, suspects)
    return scrubbed


def _array(values: Sequence[Any], depth: int, suspects: _Suspects) -> list[Any]:
    """The elements; in a list of arguments the one after a secret's flag is a secret."""
    scrubbed = [_scrub(value, depth + 1, suspects) for value in values]
    is_suspect = suspects is None or any(v in suspects for v in values if isinstance(v, str))
    return paired(scrubbed) if is_suspect else scrubbed


def _under(key: str, value: Any, depth: int, suspects: _Suspects) -> Any:
    if not _is_secret_key(key) or (key.lower().endswith("cookie") and "=" not in str(value)):
        return _scrub(value, depth, suspects)  # a socket has a cookie too: a number
    if isinstance(value, str):
        if key.lower().endswith("pwd") and ANY_PATH.match(value):
            return scrub_text(value)  # the directory that a program is in
        return _hide(scrub_text(value))
    if isinstance(value, (list, tuple)):
        if depth >= _DEEPEST:
            return TOO_DEEP
        return [_under(key, element, depth + 1, suspects) for element in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return REDACTED
    return _scrub(value, depth, suspects)


def _is_secret_key(key: str) -> bool:
    return _is_secret_name(key) if len(key) <= _LONGEST_KEY else _says_secret(key)


def _says_secret(key: str) -> bool:
    name = key.rpartition(".")[2]
    if _SECRET_WORD.search(name):
        return True
    plain = name.lower().replace("_", "").replace("-", "")
    return plain in _SECRET_KEYS or _SECRET_END.search(plain) is not None


_is_secret_name = lru_cache(maxsize=4_096)(_says_secret)


def _hide(text: str) -> str:
    """A secret's text; the scheme of an authorization is evidence and stays."""
    scheme, space, rest = text.partition(" ")
    if space and scheme.lower() in {"bearer", "basic", "token", "digest", "aws4-hmac-sha256"}:
        if scheme.lower() == "aws4-hmac-sha256":
            return text  # its signature is gone, its access key id is wanted
        return text if rest.lower() in NO_SECRET else f"{scheme} {REDACTED}"
    return text if text.lower() in NO_SECRET else REDACTED
