"""Programs of Debian packages, unpacked in a folder: fetched whichever is asked for first."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deploy.debian import Unpacked
from ingest.errors import InputError


def hello(target: Path) -> Unpacked:
    """A small package that hardly a machine has installed, without libraries of its own."""
    made = Unpacked("hello", "usr/bin/hello", target)
    reason = made.why_not()
    if reason is not None:
        pytest.skip(reason)
    return made


def test_a_tool_asked_for_before_its_program_is_fetched_with_it(tmp_path: Path) -> None:
    made = hello(tmp_path)
    tool, environment = made.beside("hello"), made.command()[1]
    assert subprocess.run(
        tool, check=True, capture_output=True, text=True, timeout=30, env=environment
    ).stdout.startswith("Hello")


def test_a_package_that_holds_no_such_program_is_told_of(tmp_path: Path) -> None:
    hello(tmp_path)
    with pytest.raises(InputError, match="the package hello holds no usr/bin/vigil-none"):
        Unpacked("hello", "usr/bin/vigil-none", tmp_path).command()
