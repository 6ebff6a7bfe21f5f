"""The examples in the modules' descriptions."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from tocsin.engine import solve

MODULES = ["", *(f".{module.name}" for module in pkgutil.iter_modules(solve.__path__))]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    module = importlib.import_module(f"{solve.__name__}{name}")
    assert doctest.testmod(module).failed == 0
