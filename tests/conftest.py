"""What every test may use: shared material, golden files, and how hypothesis looks for examples.

A test that names the fixture `shared` gets the directory of public rules and skips where there
is none; one that names `golden` calls `golden("errors/unbalanced.txt", message)`.
"""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parent.parent
GOLDEN = REPOSITORY / "tests" / "golden"

# A loaded machine is slow, not wrong: no deadlines. On CI a run looks at the same examples every
# time, so that a change is judged by what it changes; elsewhere at new ones.
PATIENT = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", PATIENT)
settings.register_profile("ci", PATIENT, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


_cache = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """What is kept on disk is kept for the time of the tests, and not among the developer's own.

    Modules of tests load rules as they are imported, so this cannot be a fixture. Some tests start
    the program without Tocsin's own variables: for these the user's cache directory is another.
    """
    if not hasattr(config, "workerinput"):  # a worker has what the process that started it has
        place = Path(tempfile.mkdtemp(prefix="tocsin-tests-"))
        config.stash[_cache] = place
        os.environ["TOCSIN_CACHE"] = os.environ["XDG_CACHE_HOME"] = str(place)


def pytest_unconfigure(config: pytest.Config) -> None:
    place = config.stash.get(_cache, None)
    if place is not None:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of research material and public corpora beside the checkout."""
    place = Path(os.environ.get("TOCSIN_SHARED") or REPOSITORY.parent / "shared")
    if not place.is_dir():
        pytest.skip(f"no shared material at {place} (TOCSIN_SHARED names another place)")
    return place


class Golden(Protocol):
    """Compares a text with the golden file of a name, a path under tests/golden."""

    def __call__(self, name: str, text: str) -> None: ...


@pytest.fixture
def golden() -> Golden:
    """`golden(name, text)` fails with a diff where text is not what tests/golden/<name> holds.

    With TOCSIN_GOLDEN=rewrite (`./dev golden`) it writes the file instead.
    """
    return compare_with_golden


def compare_with_golden(name: str, text: str) -> None:
    __tracebackhide__ = True
    file = GOLDEN / name
    text = text if text.endswith("\n") else f"{text}\n"
    if os.environ.get("TOCSIN_GOLDEN") == "rewrite":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
        return
    if not file.is_file():
        pytest.fail(f"there is no golden file {name}; `./dev golden` writes it", pytrace=False)
    expected = file.read_bytes().decode()
    if text != expected:
        diff = difflib.unified_diff(
            expected.splitlines(keepends=True),
            text.splitlines(keepends=True),
            fromfile=f"tests/golden/{name}",
            tofile="what the code says",
        )
        pytest.fail(
            f"{''.join(diff)}\nif this is right, `./dev golden` takes it over", pytrace=False
        )
