"""Atoms are found in lines, whatever was kept of them before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin import kept_files
from tocsin.engine import byte_scan
from tocsin.engine.byte_scan import ByteScan, Lines, has_hyperscan
from tocsin.logic.anchors import Pattern, Text

ATOMS = (Text(b"curl"), Text(b"169.254.169.254"), Pattern(rb"a[0-9]+z"))
LINES = b'{"n":"CURL"}\n{"n":"x"}\n{"n":"a12z curl"}'
FOUND = {0: 0b101, 2: 0b100}

ENGINES = [
    False,
    pytest.param(
        True, marks=pytest.mark.skipif(not has_hyperscan(), reason="Hyperscan does not run here")
    ),
]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOCSIN_CACHE", str(tmp_path))
    return tmp_path / "kept"


@pytest.mark.parametrize("with_hyperscan", ENGINES)
def test_atoms_are_found_in_either_case(with_hyperscan: bool) -> None:
    scan = ByteScan(ATOMS, with_hyperscan=with_hyperscan)
    assert scan.masks(Lines(LINES)) == FOUND


@pytest.mark.skipif(not has_hyperscan(), reason="Hyperscan does not run here")
@pytest.mark.parametrize("data", [b"", b"no database", b"\0" * 32])
def test_what_is_kept_and_is_no_database_is_built_anew(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = kept_files.store
    with monkeypatch.context() as patched:
        patched.setattr(kept_files, "store", lambda kind, key, _: store(kind, key, data))
        assert ByteScan(ATOMS).masks(Lines(LINES)) == FOUND
    for _ in range(2):
        assert ByteScan(ATOMS).masks(Lines(LINES)) == FOUND


@pytest.mark.parametrize("with_hyperscan", ENGINES)
def test_atoms_beyond_the_most_are_refused_and_the_others_found(
    with_hyperscan: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(byte_scan, "MOST_ATOMS", 2)
    scan = ByteScan(ATOMS, (5, 1 << 20, 7), with_hyperscan=with_hyperscan)
    assert scan.refused == [(1 << 20, "more than 2 texts")]
    assert scan.masks(Lines(LINES)) == {5: 0b101, 7: 0b100}
    scan = ByteScan((*ATOMS[:2], Text(b"x")), with_hyperscan=with_hyperscan)
    assert scan.refused == [(2, "more than 2 texts")]


@pytest.mark.skipif(not has_hyperscan(), reason="Hyperscan does not run here")
def test_an_atom_that_cannot_be_compiled_is_refused_with_the_reason() -> None:
    scan = ByteScan((*ATOMS, Text(b"x" * 5_000)))
    assert scan.refused == [(3, "Pattern length exceeds limit.")]
    assert scan.masks(Lines(LINES)) == FOUND
