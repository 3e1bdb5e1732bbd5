"""Age and sex out of headers as several databases write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import InputError
from training.subjects import UNKNOWN, Subject, parse_comments, read_subject


@pytest.mark.parametrize(
    ("comments", "subject"),
    [
        ("69 M 1085 1629 x1\n Aldomet, Inderal", Subject(69, "M")),
        (" -1 M 742 654 x1", Subject(None, "M")),
        ("<age>: 88 <sex>: M <location>: micu", Subject(88, "M")),
        (" age: 81\n sex: female\n ECG date: 01/10/1990", Subject(81, "F")),
        ("Age: NaN Sex: Male", Subject(None, "M")),
        ("Sex: Unknown", UNKNOWN),
        ("999 M", Subject(None, "M")),
        ("The PVCs are multiform. 3 M of cable", UNKNOWN),
        ("average: 7, message: 12", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_comments_are_read_and_nothing_is_made_up(comments: str, subject: Subject) -> None:
    assert parse_comments(comments) == subject


def test_a_header_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.hea").write_text("a 1 360 10\na.dat 212 200 11 1024 0 0 0 II\n# 24 F 1\n")
    assert read_subject(tmp_path, "a") == Subject(24, "F")
    with pytest.raises(InputError, match=r"no record .*b"):
        read_subject(tmp_path, "b")


@pytest.mark.data
def test_mitdb_tells_every_sex_and_all_ages_but_two(data_dir: Path) -> None:
    folder = data_dir / "mitdb"
    found = [read_subject(folder, path.stem) for path in folder.glob("*.hea")]
    assert sum(bool(subject.sex) for subject in found) == len(found) == 48
    assert sum(subject.age_years is not None for subject in found) == 46
