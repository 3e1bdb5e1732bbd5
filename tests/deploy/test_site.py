"""The documentation's site: its links, its navigation, what its commands name, nothing foreign."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deploy.cli.commands import as_command
from deploy.site.hooks import ROOT, left_out, named_pages, relink
from deploy.site.reference import all_commands, pages
from deploy.site.tutorial import commands_of, run_page

DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "audits" not in path.parts)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)


class _Tolerant(yaml.SafeLoader):
    """Reads what stands in mkdocs.yml; its own tags are not looked at."""


_Tolerant.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


@pytest.fixture(scope="module")
def config() -> dict:
    return yaml.load((ROOT / "mkdocs.yml").read_text(), _Tolerant)  # noqa: S506  # safe, and ours


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages(ROOT)


def test_every_page_of_the_navigation_is_there_once(config: dict, made: dict[str, str]) -> None:
    named = named_pages(config["nav"])
    assert len(named) == len(set(named))
    assert not [name for name in named if name not in made and not (DOCS / name).is_file()]


def test_every_guide_is_in_the_navigation(config: dict) -> None:
    nav = [*config["nav"], {"More": left_out(config["nav"], DOCS)}]
    named = set(named_pages(nav))
    guides = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    other = ("adr/", "audits/")
    assert not {guide for guide in guides - named if not guide.startswith(other)}


def test_no_link_leads_nowhere(made: dict[str, str]) -> None:
    texts = {path.relative_to(DOCS).as_posix(): path.read_text() for path in PAGES} | made
    wrong = []
    for name, text in texts.items():
        for target in LINK.findall(FENCE.sub("", relink(text, name))):
            if "://" in target:
                continue
            inner = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            if not (DOCS / inner).exists() and inner not in made:
                wrong.append(f"{name}: {target}")
    assert not wrong


def test_links_out_of_the_folder_lead_to_files_of_the_repository() -> None:
    for path in PAGES:
        for target in LINK.findall(FENCE.sub("", path.read_text())):
            if "://" not in target and path.parent / target != path:
                there = (path.parent / target).resolve()
                generated = there.parent.name in ("reference", "models", "adr")
                assert there.exists() or generated, f"{path}: {target}"


def options(name: str) -> set[str]:
    command = as_command(name, all_commands()[name].load())
    return {flag for each in command.params for flag in (*each.opts, *each.secondary_opts)}


def test_commands_that_pages_show_exist_with_their_options() -> None:
    wrong, seen = [], 0
    for path in [*PAGES, ROOT / "README.md"]:
        blocks = re.findall(r"^```\w*[^\n]*\n(.*?)^```$", path.read_text(), re.M | re.S)
        for line in "\n".join(blocks).replace("\\\n", " ").splitlines():
            found = re.match(r"^(?:\$ )?(?:sudo )?vigil ([a-z][a-z-]+)(.*)$", line)
            if not found:
                continue
            seen += 1
            name, rest = found[1], re.split(r"[|#&;]", found[2])[0]
            below = f"{name} {rest.split()[0]}" if rest.split() else name
            name = below if below in all_commands() else name
            if name not in all_commands():
                wrong.append(f"{path.name}: vigil {name}")
                continue
            given_there = re.findall(r"(?<!\S)(--[a-z][a-z-]*)", rest)
            known = options(name) | {"--help"}
            wrong += [f"{path.name}: vigil {name} {x}" for x in given_there if x not in known]
    assert seen > 20
    assert not wrong


def test_nothing_of_the_site_is_from_elsewhere(config: dict) -> None:
    assert config["theme"]["font"] is False
    assert config["strict"] is True
    text = (ROOT / "mkdocs.yml").read_text() + (DOCS / "site" / "extra.css").read_text()
    assert not re.findall(r"https?://|@import", text)


def test_every_command_is_in_the_reference(made: dict[str, str]) -> None:
    told = made["reference/cli.md"]
    assert not [
        n for n, e in all_commands().items() if e.exists() and f"## vigil {n}\n" not in told
    ]
    assert "| `--trust` | Public key (PEM) whose releases are believed." in told
    assert "`[tracing]`" in made["reference/settings.md"]
    assert "| `sample` | Share of the messages of frames" in made["reference/settings.md"]


def test_a_command_goes_on_behind_a_backslash_and_old_output_goes() -> None:
    page = "a\n\n```console\n$ vigil x \\\n  --y\nold\n$ ls\n```\n"
    assert commands_of(page) == ["vigil x \\\n  --y", "ls"]
    again = run_page(page, lambda command: f"<{command[:2]}>\n")
    assert again == "a\n\n```console\n$ vigil x \\\n  --y\n<vi>\n$ ls\n<ls>\n```\n"
    assert run_page(again, lambda command: f"<{command[:2]}>\n") == again


@given(st.text(alphabet="[]()!a./#", max_size=40))
def test_links_that_are_none_are_left(text: str) -> None:
    assert relink(relink(text, "x.md"), "x.md") == relink(text, "x.md")


def test_pictures_of_pages_are_not_too_large() -> None:
    assert not [p for p in Path(DOCS / "figures").rglob("*.png") if p.stat().st_size > 1 << 20]
