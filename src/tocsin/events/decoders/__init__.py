"""Bytes → records, one format a module (the contract stands in `events.record`).

A format is found by its module's name here; a file is recognised by what its first bytes say
(`Decoder.recognises`), else by its ending (`Decoder.SUFFIXES`). A module whose name begins with
``_`` is a part of a decoder.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import BinaryIO, Protocol

from tocsin.events.record import Record, Undecodable


class Decoder(Protocol):
    """A module that decodes one format."""

    SUFFIXES: tuple[str, ...]

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins so is one of this format; cheap, and never raises."""

    def decode(self, stream: BinaryIO, name: str) -> Iterator[Record | Undecodable]:
        """Reads the stream; never raises for what is in it."""


@cache
def decoders() -> Mapping[str, Decoder]:
    """Every decoder by its name, in the order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {
        name: _decoder(importlib.import_module(f"{__name__}.{name}"))
        for name in names
        if not name.startswith("_")
    }


def _decoder(module: ModuleType) -> Decoder:
    decoder: Decoder = module
    return decoder


def recognise(name: str, head: bytes) -> Decoder | None:
    """The decoder for a file, by its first bytes, else by its name's ending.

    Args:
        name: the file's name without the ending of a compression.
        head: its first bytes, decompressed.
    """
    for decoder in decoders().values():
        if decoder.recognises(head):
            return decoder
    for decoder in decoders().values():
        if name.lower().endswith(decoder.SUFFIXES):
            return decoder
    return None


def suffixes() -> tuple[str, ...]:
    """Every ending that some decoder knows."""
    return tuple(sorted({suffix for decoder in decoders().values() for suffix in decoder.SUFFIXES}))
