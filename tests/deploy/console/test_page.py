"""The files of the page: short, whole, and asking nothing of other hosts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.console.app import PAGE, POLICY

FILES = sorted(path for path in PAGE.iterdir() if path.is_file())
MODULES = [path for path in FILES if path.suffix == ".js"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_are_short_and_ask_nothing_of_other_hosts(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= 400
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_modules_import_what_is_there(path: Path) -> None:
    for names, name in re.findall(
        r'import (?:\{([^}]*)\}|\* as \w+) from "\./([\w.]+)"', path.read_text("utf-8")
    ):
        other = (PAGE / name).read_text("utf-8")
        for wanted in (part.split(" as ")[0].strip() for part in names.split(",") if part.strip()):
            exported = rf"export (?:async )?(?:const|function|class) [^;]*?\b{wanted}\b"
            assert re.search(exported, other), f"{name} exports no {wanted}"


def test_the_page_needs_nothing_that_its_policy_forbids() -> None:
    text = (PAGE / "index.html").read_text("utf-8")
    assert "unsafe" not in POLICY
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style| style=| on\w+=", text)
    for name in re.findall(r'(?:src|href)="/page/([^"]+)"', text):
        assert (PAGE / name).is_file()
