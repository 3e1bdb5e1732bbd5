"""Helm, as a library of Java: lints and renders charts for tests."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.kafka.jars import fetched
from ingest.errors import InputError
from tests.records import ROOT

CHECK = ROOT / "deploy" / "kubernetes" / "check"
CHART = ROOT / "deploy" / "kubernetes" / "vigil"


@cache
def jars() -> Path:
    """Return the folder of Helm's jars; skips where there is no Java (in CI that fails)."""
    missing = [tool for tool in ("java", "javac", "mvn") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"Helm's library needs Java 17 and Maven; not found: {', '.join(missing)}")
    return fetched(CHECK)


def rendered(values: Path | None = None, chart: Path = CHART) -> list[dict[str, Any]]:
    """Lint a chart and return the objects that it renders to.

    Raises
    ------
    InputError
        If the linter or the renderer refuses it, with what they say.
    """
    words = ["java", "-cp", f"{jars()}/*", str(CHECK / "Chart.java"), str(chart)]
    done = subprocess.run(
        [*words, *([] if values is None else [str(values)])],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    if done.returncode:
        raise InputError(done.stderr)
    return [each for each in yaml.safe_load_all(done.stdout) if each is not None]
