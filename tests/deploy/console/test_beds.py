"""The table of beds: what is read, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.console.beds import read_beds
from ingest.errors import InputError


def test_streams_of_one_bed_are_read(tmp_path: Path) -> None:
    table = tmp_path / "beds.csv"
    table.write_text("\ufeffbed,ward,stream_id\n7 B,icu,a1\n7 B,icu, a2 \n", "utf-8")
    assert read_beds(table) == {"a1": "7 B", "a2": "7 B"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stream,bed\na,1\n", "lacks stream_id"),
        ("", "lacks stream_id, bed"),
        ("stream_id,bed\na,1\na,2\n", "line 3: a stands there twice"),
        ("stream_id,bed\na,\n", "line 2: stream or bed is empty"),
        ("stream_id,bed\na\n", "line 2: stream or bed is empty"),
    ],
)
def test_what_is_no_table_of_beds_is_refused(tmp_path: Path, text: str, told: str) -> None:
    table = tmp_path / "beds.csv"
    table.write_text(text, "utf-8")
    with pytest.raises(InputError, match=told):
        read_beds(table)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the table of beds .*none\.csv"):
        read_beds(tmp_path / "none.csv")
