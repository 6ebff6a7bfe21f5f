"""Compiled things kept on disk (`kept_files`), by what they were compiled from and with what.

A compiled automaton is good for one version of the library that made it and one kind of processor,
so both are part of its key, with Tocsin's own version.

>>> import os
>>> os.environ["TOCSIN_CACHE"] = "off"
>>> kept("sums", b"1 2 3", lambda: b"6"), found("sums", b"1 2 3")
(b'6', None)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import metadata
from typing import Final

from tocsin import kept_files

_FORM: Final = b"2\n"
"""How what is kept is laid out: another number when that changes, so that no older file is met."""


def kept(kind: str, key: bytes, build: Callable[[], bytes]) -> bytes:
    """What is kept under a key, or what ``build`` makes, which is kept from then on.

    Args:
        kind: what sort of thing it is, as ``patterns``; small letters, digits and dashes.
        key: all that it is made of.
        build: makes it.
    """
    return kept_files.kept(kind, _name(key), build)


def found(kind: str, key: bytes) -> bytes | None:
    """What is kept under a key; None where nothing is, or where it is damaged."""
    return kept_files.load(kind, _name(key))


def keep(kind: str, key: bytes, data: bytes) -> None:
    """Keeps something under a key, if that can be done."""
    kept_files.store(kind, _name(key), data)


@lru_cache(maxsize=1)
def hyperscan_build() -> bytes | None:
    """What tells Hyperscan's databases of here from others'; None where it does not run."""
    try:
        import hyperscan

        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(expressions=[b"tocsin"], ids=[0], elements=1, flags=0)
        # A mark, the version, the length, the processor's features; behind it a checksum.
        header = hyperscan.dumpb(database)[:20]
    except Exception:  # no wheel, one of another platform, too old a processor
        return None
    return f"hyperscan {metadata.version('hyperscan')} {header.hex()}".encode()


def _name(key: bytes) -> bytes:
    return _FORM + _versions() + key


@lru_cache(maxsize=1)
def _versions() -> bytes:
    try:
        version = metadata.version("tocsin")
    except metadata.PackageNotFoundError:
        version = ""
    return b"tocsin %b\n%b\n" % (version.encode(), hyperscan_build() or b"")
