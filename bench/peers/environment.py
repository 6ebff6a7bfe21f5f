"""An environment for a peer: made once, below the user's cache directory, from the package index.

A peer is no dependency of Tocsin's, whatever its licence: it is installed here, by the benchmark,
and talked to as a process.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import platformdirs

from bench.measure import Missing
from bench.setting import Setting


def environment(setting: Setting, requirement: str) -> Path:
    """The ``bin`` directory of an environment with one package in it.

    Raises:
        Missing: it cannot be installed, or was not yet and may not be.
    """
    version = f"py{sys.version_info.major}.{sys.version_info.minor}"
    place = platformdirs.user_cache_path("tocsin", appauthor=False) / "bench"
    place = place / f"{requirement}-{version}"
    programs = place / ("Scripts" if sys.platform == "win32" else "bin")
    if (place / "complete").exists():
        return programs
    if not setting.options.install:
        message = f"{requirement} is not installed; ./dev bench --install does that"
        raise Missing(message)
    setting.told(f"installing {requirement}")
    shutil.rmtree(place, ignore_errors=True)
    venv.create(place, with_pip=True)
    install = [
        str(programs / "python"),
        "-m",
        "pip",
        "--no-input",
        "--quiet",
        "install",
        requirement,
    ]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(place, ignore_errors=True)
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        message = f"{requirement} cannot be installed: {last[0]}"
        raise Missing(message)
    (place / "complete").touch()
    return programs
