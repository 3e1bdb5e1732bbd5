"""What the console publishes of feedback is what the watch and the reader of verdicts take."""

from __future__ import annotations

from deploy.console.store.feedback import Feedback, Verdict
from deploy.services import central
from fairness.live.events import Feedback as Judged
from fairness.live.events import read_event
from ingest.pseudonyms import KeyRing
from ingest.verdicts import VerdictReader


class Kept:
    """A sink that keeps the last message."""

    value = b""

    def write(self, key: str, value: bytes) -> None:
        self.value = value

    def flush(self) -> None:
        """Do nothing: it is kept."""


def test_published_feedback_is_read_by_the_watch_and_as_a_verdict() -> None:
    said = Feedback(
        stream_id="p",
        session="s",
        verdict=Verdict.FALSE,
        who="ann",
        why="motion",
        alarm_id="0" * 32,
        at_ms=1000,
        id=1,
    )
    sink = Kept()
    central._publish(sink, said)  # type: ignore[arg-type]
    assert read_event(sink.value) == Judged(1.0, "0" * 32, "false")
    verdict = VerdictReader(KeyRing({"a": bytes(32)})).read(sink.value)
    assert (verdict.answer, verdict.at_ms) == ("false", 1000)
