"""What is declared beforehand is read whole or refused by its key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairness.declaration import load_declaration
from fairness.errors import AuditError
from fairness.live.declaration import WatchDeclaration, load_watch

SOUND = """
title = "t"
[[metrics]]
name = "sensitivity"
margin = 0.05
[[groups]]
attribute = "age"
bands = [40, 60]
"""


def test_a_sound_declaration_is_read_with_its_defaults(tmp_path: Path) -> None:
    path = tmp_path / "d.toml"
    path.write_text(SOUND)
    found = load_declaration(path)
    assert found.metrics[0].condition == "all"
    assert found.groups[0].bands == (40, 60)
    assert (found.alpha, found.min_patients, found.rounds) == (0.05, 20, 2000)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("margin = 0.05", "margin = 0", "metrics.0.margin: .* greater than 0"),
        ("margin = 0.05", "margin = -1", "metrics.0.margin"),
        ("margin = 0.05", "", "metrics.0.margin: Field required"),
        ('"sensitivity"', '"recall"', "metrics.0.name: .*'sensitivity'"),
        ("[40, 60]", "[60, 40]", "bands of age must ascend"),
        ("[40, 60]", "[40, 40]", "bands of age must ascend"),
        ('title = "t"', 'titel = "t"', "titel: Extra inputs"),
        ('title = "t"', 'title = "t"\nalpha = 0', "alpha: .* greater than 0"),
        ('title = "t"', 'title = "t"\nintersections = [["age", "sex"]]', "two or more of age"),
        ('title = "t"', 'title = "t', "declaration .*d.toml"),
        ("[[groups]]", '[[groups]]\nattribute = "age"\n[[groups]]', "declared twice: age, age"),
    ],
)
def test_a_fault_is_named_by_its_key(tmp_path: Path, before: str, after: str, told: str) -> None:
    path = tmp_path / "d.toml"
    path.write_text(SOUND.replace(before, after, 1))
    with pytest.raises(AuditError, match=told):
        load_declaration(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"none\.toml"):
        load_declaration(tmp_path / "none.toml")


def test_the_examples_of_the_guide_are_sound(tmp_path: Path) -> None:
    guide = Path(__file__).parents[2] / "docs" / "fairness.md"
    audit, watch = re.findall(r"```toml\n(.*?)```", guide.read_text(), flags=re.DOTALL)
    path = tmp_path / "example.toml"
    path.write_text(audit)
    assert load_declaration(path).groups[1].bands == (40, 60)
    path.write_text(watch)
    assert load_watch(path) == WatchDeclaration.model_validate(
        {"conditions": ["all", "asystole"], "groups": [{"attribute": "sex"}]}
    )


@pytest.mark.parametrize("name", ["lead_i", "ludb", "mitdb-ds2", "mitdb"])
def test_the_declarations_of_the_real_audits_are_sound(name: str) -> None:
    folder = Path(__file__).parents[2] / "docs" / "audits" / name
    assert load_declaration(folder / "declaration.toml").min_patients == 20
