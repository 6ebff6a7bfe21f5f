from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = [
    *(f"tocsin.catalogue.{name}" for name in (
        "counts", "fields", "find", "indicators", "lint", "page", "stages", "tree",
    )),
    "tocsin.rules.attack",
]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
