"""From verdicts to labels: who is believed, what a dispute does, what a beat is taken to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.cli.main import run
from ingest.errors import InputError
from ingest.verdicts import LABELS, Said, Verdict, disputing
from tests.training.databases import write_database
from training.datasets import load
from training.ec57 import read_annotations
from training.feedback.annotate import annotate
from training.feedback.labels import Source, label_beats
from training.feedback.resolve import Resolved, State, resolve
from training.feedback.simulate import Reading, Stream, simulate_feedback
from training.feedback.summary import agreement
from training.feedback.trust import TrustPolicy, posterior

ALARM = "a" * 32


def beat(who: str, label: str, at_ms: int = 0, role: str = "clinician", **keys: Any) -> Verdict:
    return Verdict(
        **{"stream_id": "ada", "session": "0", "sample": 500, "why": "shape"} | keys,
        said=Said.RELABEL,
        who=who,
        role=role,
        at_ms=at_ms,
        label=label,
    )


def of_alarm(said: Said, condition: str = "couplet", trust: float = 0.95) -> Resolved:
    return Resolved("ada", "0", ALARM, condition, None, said.value, trust, State.SETTLED, 1, ("x",))


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from([0.85, 0.9, 0.97])), max_size=5))
def test_trusts_are_probabilities_and_more_votes_for_an_answer_never_lower_it(
    votes: list[tuple[str, float]],
) -> None:
    before = posterior(votes, LABELS)
    after = posterior([*votes, ("V", 0.85)], LABELS)
    assert sum(before.values()) == pytest.approx(1)
    assert after["V"] >= before["V"]


@given(st.permutations([beat("k-1", "V", 1), beat("k-2", "N", 2), beat("k-1", "N", 3)]))
def test_answers_do_not_depend_on_the_order_of_arrival(verdicts: list[Verdict]) -> None:
    (found,) = resolve(verdicts)
    assert (found.answer, found.state, found.people) == ("N", State.SETTLED, 2)
    assert len(found.verdicts) == 3


def test_people_who_disagree_leave_a_beat_unresolved() -> None:
    (found,) = resolve([beat("k-1", "V"), beat("k-2", "N")])
    assert found.state is State.UNRESOLVED


def test_a_dispute_waits_for_a_third_even_if_one_side_is_trusted_more() -> None:
    first = beat("k-1", "V", 1, role="technician")
    chief = disputing(beat("k-9", "N", 2, role="cardiologist"), first)
    policy = TrustPolicy(least=0.8)
    assert posterior([("V", 0.85), ("N", 0.97)], LABELS)["N"] > policy.least
    assert resolve([first, chief], policy)[0].state is State.UNRESOLVED
    (settled,) = resolve([first, chief, beat("k-3", "N", 3)], policy)
    assert (settled.state, settled.answer) == (State.SETTLED, "N")


def test_a_dispute_that_its_other_side_gives_in_to_is_settled() -> None:
    first = beat("k-1", "V", 1)
    second = disputing(beat("k-2", "N", 2), first)
    assert resolve([first, second, beat("k-1", "N", 3)])[0].state is State.SETTLED


def test_one_technician_is_too_weak_where_more_trust_is_asked_for() -> None:
    (found,) = resolve([beat("k-1", "V", role="technician")], TrustPolicy(least=0.9))
    assert found.state is State.WEAK


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(InputError, match="porter"):
        resolve([beat("k-1", "V", role="porter")])


SAMPLE = np.arange(100, 10_000, 200)
CALLED = ["N"] * len(SAMPLE)
CALLED[10] = CALLED[11] = "V"


def alarm_at(beats: list[int]) -> dict[str, Any]:
    told = [{"aami": CALLED[i], "sample": int(SAMPLE[i])} for i in beats]
    return {ALARM: {"id": ALARM, "onset": {"sample": int(SAMPLE[beats[0]])}, "beats": told}}


def test_beats_that_nobody_saw_have_no_label() -> None:
    labels = label_beats(SAMPLE, CALLED, 200.0, {}, [])
    assert set(labels.label) == {"Q"}
    assert labels.counts()["nobody"] == len(SAMPLE)


def test_a_confirmed_alarm_makes_its_beats_ventricular_and_shows_those_around() -> None:
    labels = label_beats(SAMPLE, CALLED, 200.0, alarm_at([9, 10, 11]), [of_alarm(Said.TRUE)])
    assert labels.label[10:12] == ["V", "V"]
    assert labels.source[10] is Source.CONFIRMED
    assert labels.source[12] is Source.SEEN
    assert labels.source[40] is Source.NOBODY


def test_a_false_alarm_takes_the_class_of_its_beats_and_tells_no_other() -> None:
    labels = label_beats(SAMPLE, CALLED, 200.0, alarm_at([9, 10, 11]), [of_alarm(Said.FALSE)])
    assert labels.label[9:13] == ["N", "Q", "Q", "N"]


def test_an_artefact_takes_all_that_was_seen_with_it() -> None:
    labels = label_beats(SAMPLE, CALLED, 200.0, alarm_at([9, 10, 11]), [of_alarm(Said.ARTEFACT)])
    assert set(labels.label) == {"Q"}


@given(st.integers(-30, 30))
def test_a_relabelled_beat_is_the_nearest_within_150_ms(off: int) -> None:
    said = beat("k-1", "V", sample=int(SAMPLE[20]) + off)
    labels = label_beats(SAMPLE, CALLED, 200.0, {}, resolve([said]))
    assert labels.label[20] == "V"
    assert labels.label[19] == labels.label[21] == "N"


def test_what_is_unresolved_teaches_nothing() -> None:
    said = [beat("k-1", "V", sample=int(SAMPLE[20])), beat("k-2", "S", sample=int(SAMPLE[20]))]
    assert label_beats(SAMPLE, CALLED, 200.0, {}, resolve(said)).label[20] == "Q"


def test_agreement_counts_pairs_of_people_by_their_roles() -> None:
    said = [beat("k-1", "V"), beat("k-2", "V"), beat("k-3", "N", role="cardiologist")]
    assert agreement(said) == {
        "cardiologist and clinician": {"pairs": 2, "agree": 0.0},
        "clinician and clinician": {"pairs": 1, "agree": 1.0},
    }


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[Verdict]]:
    """A database, what was scored of it, and what simulated readers said."""
    folder = tmp_path_factory.mktemp("ward")
    records = write_database(folder / "simdb", 1)
    code = run(["score", str(folder / "simdb" / "ada"), "--out", str(folder / "scored")])
    assert code == 0
    truth = records[0].truth
    stream = Stream(
        "ada", 250.0, truth.r_peaks, ["N"] * len(truth.r_peaks), {}, truth.r_peaks,
        ["NSVFQ"[code] for code in truth.aami],
    )  # fmt: skip
    said = simulate_feedback(stream, Reading(wrong_beats=1.0), 3, 1_000)
    return folder / "simdb", folder / "scored", said


def test_feedback_becomes_annotations_that_training_reads(
    ward: tuple[Path, Path, list[Verdict]],
) -> None:
    database, scored, said = ward
    (done,) = annotate(resolve(said), scored, database)
    (signal,) = load(database, ["ada"], fs=125, annotator="fbk")
    marks = read_annotations(database, "ada", "fbk", 250.0)
    assert done.counts["relabelled"] == sum(one.state is State.SETTLED for one in resolve(said))
    assert len(signal.r_ms) == len(marks.sample)
    assert {"V", "S"} <= set(marks.symbol)


def test_the_reference_is_never_overwritten(ward: tuple[Path, Path, list[Verdict]]) -> None:
    database, scored, said = ward
    with pytest.raises(InputError, match="atr"):
        annotate(resolve(said), scored, database, extension="atr")


def test_the_command_lists_sums_up_and_exports(
    ward: tuple[Path, Path, list[Verdict]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database, scored, said = ward
    events = tmp_path / "feedback.jsonl"
    events.write_bytes(b"".join(one.to_json() + b"\n" for one in [*said, *said]) + b"junk\n")
    capsys.readouterr()
    assert run(["feedback", "summary", str(events), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdicts"] == len(said)
    assert run(["feedback", "list", str(events), "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == sum(told["targets"].values())
    paths = ["--scored", str(scored), "--records", str(database)]
    assert run(["feedback", "export", str(events), *paths]) == 0
    assert (database / "ada.fbk").is_file()
    assert run(["feedback", "export", str(events)]) == 2
    assert run(["feedback", "burn", str(events)]) == 2
