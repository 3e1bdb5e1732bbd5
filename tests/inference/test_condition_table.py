"""The page of conditions says what is done."""

from pathlib import Path

from inference.beats import Beats
from inference.condition_table import DECISION_DELAY_MS, PAGE, main, page
from inference.conditions import CONDITIONS
from inference.model import builtin
from inference.session import StreamSession

ROOT = Path(__file__).parents[2]


def test_the_page_is_current():
    assert (ROOT / PAGE).read_text() == page()


def test_the_page_is_written_whole_with_every_condition(tmp_path):
    main(["--out", str(tmp_path / "page.md")])
    text = (tmp_path / "page.md").read_text()
    for condition in CONDITIONS:
        assert f"| `{condition.name}` |" in text


def test_the_delay_that_the_page_reckons_with_is_that_of_the_shipped_model():
    beats = Beats(StreamSession(builtin("qrs"), "qrs"), StreamSession(builtin("beat"), "beat"))
    assert beats.picker.decision_delay_ms == DECISION_DELAY_MS
