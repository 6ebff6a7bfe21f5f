from __future__ import annotations

import pytest

from tocsin.events import fields


def test_long_names_do_not_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "_MOST_REMEMBERED", 20_000)
    extractor = fields.Extractor(["a.*"])
    for number in range(100):
        assert extractor.extract({"a": {f"{number:01000}": 1}}) == [(0, 1)]
        assert sum(map(len, extractor._named)) <= 20_000
