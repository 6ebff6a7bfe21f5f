"""Bytes → records, one format a module (the contract stands in `events.record`).

A format is found by its module's name here; a file is recognised by its first bytes (`MAGIC`),
else by its ending (`SUFFIXES`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import BinaryIO, Protocol

from tocsin.events.record import Record, Undecodable


class Decoder(Protocol):
    """A module that decodes one format."""

    SUFFIXES: tuple[str, ...]
    MAGIC: tuple[bytes, ...]

    def decode(self, stream: BinaryIO, name: str) -> Iterator[Record | Undecodable]:
        """Reads the stream; never raises for what is in it."""


@cache
def decoders() -> tuple[Decoder, ...]:
    """Every decoder, in the order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(_decoder(importlib.import_module(f"{__name__}.{name}")) for name in names)


def _decoder(module: ModuleType) -> Decoder:
    decoder: Decoder = module
    return decoder


def recognise(name: str, head: bytes) -> Decoder | None:
    """The decoder for a file, by its first bytes, else by its name's ending.

    Args:
        name: the file's name without the ending of a compression.
        head: its first bytes, decompressed.
    """
    for decoder in decoders():
        if any(head.startswith(magic) for magic in decoder.MAGIC):
            return decoder
    for decoder in decoders():
        if name.lower().endswith(decoder.SUFFIXES):
            return decoder
    return None


def suffixes() -> tuple[str, ...]:
    """Every ending that some decoder knows."""
    return tuple(sorted({suffix for decoder in decoders() for suffix in decoder.SUFFIXES}))
