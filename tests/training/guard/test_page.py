"""The guide names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_test_that_the_guide_names_is_there() -> None:
    page = (ROOT / "docs" / "leakage.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 10
    for row in rows:
        named = re.findall(r"`((?:\w+/)*test_\w+\.py)?(?:::)?(test_\w+)?`", row.split("|")[3])
        file = ""
        assert named, row
        for path, test in named:
            file = path or file
            text = (ROOT / "tests" / "training" / file).read_text("utf-8")
            assert f"def {test}" in text, f"{file}::{test}"
