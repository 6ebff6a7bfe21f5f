from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = [
    "tocsin.events.schema.log_sources",
    "tocsin.languages.sigma",
    "tocsin.languages.sigma.condition",
    "tocsin.languages.sigma.regexes",
    "tocsin.rules.formats._sigma_metadata",
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_text_are_true(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted
    assert not found.failed
