"""Stores for scans: a new one costs the copy of an empty one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tocsin.store.open import open_store

if TYPE_CHECKING:
    from sqlalchemy import Engine


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without anything in it."""
    path = tmp_path_factory.mktemp("store") / "tocsin.db"
    open_store(f"sqlite:///{path}").dispose()
    return path


@contextmanager
def store(empty: Path) -> Iterator[Engine]:
    """A copy of an empty store, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as place:
        shutil.copy(empty, place)
        engine = open_store(f"sqlite:///{Path(place) / empty.name}")
        try:
            yield engine
        finally:
            engine.dispose()
