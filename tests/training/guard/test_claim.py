"""A headline is given of sound figures only; each fault is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.cli.main import run
from ingest.errors import InputError
from training.ec57 import (
    DE_CHAZAL,
    EC57,
    Evaluation,
    Protocol,
    average,
    compare_record,
    gross,
    make_annotations,
)
from training.guard import Claim, Fitted, Headline, Look
from training.splits import DS1, DS2, patient_of

RULES = Protocol(learning_s=0)
BEATS = "NNNNNVNNANNNNVVNNNNN"
STEP = 300


def evaluation(
    names: tuple[str, ...] = DS2,
    *,
    detected: bool = True,
    database: str = "mitdb",
    beats: str = BEATS,
    mapping: Any = DE_CHAZAL,
) -> Evaluation:
    """Compare records with themselves, at R-peaks moved about or at the very same."""
    rng = np.random.default_rng(0)
    at = np.arange(1, len(beats) + 1) * STEP
    records = []
    for name in names:
        moved = at - (rng.integers(0, 9, len(at)) if detected else 0)
        ref = make_annotations(at, list(beats), 360)
        test = make_annotations(moved, list(beats.replace("A", "N")), 360)
        records.append(
            compare_record(name, ref, test, int(at[-1]) + 1, protocol=RULES, mapping=mapping)
        )
    return Evaluation(tuple(records), RULES, mapping, database=database)


MODEL = Fitted("model m", "m 1.0.0", frozenset(patient_of("mitdb", r) for r in DS1))


def claim(**changes: Any) -> Claim:
    sound: dict[str, Any] = {
        "model": MODEL,
        "evaluation": evaluation(),
        "reference": evaluation(detected=False),
        "look_ahead_s": 0.6,
        "look": Look("a test of the guard"),
    }
    return Claim(**sound | changes)


def test_a_sound_claim_gives_a_headline_that_says_all() -> None:
    text = "\n".join(claim().headline().lines())
    assert "440 beats (66 VEB, 22 SVEB) of 22 records of 22 patients; left out: 0 beats" in text
    assert "AAMI mapping dechazal: N: N L R B e j n" in text
    assert "look-ahead 0.6 s; DS2 looked at: a test of the guard" in text
    for what in ("detected R-peaks", "detected R-peaks without 202", "reference R-peaks"):
        assert f"VEB, {what}, gross: Se 100.00 +P 100.00 F1 100.00" in text
        assert f"SVEB, {what}, mean over records: Se 0.00" in text


WITH_A_TEST_PATIENT = replace(MODEL, patients=MODEL.patients | {"mitdb/100"})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": WITH_A_TEST_PATIENT}, "patient overlap: model m was made from mitdb/100"),
        ({"evaluation": evaluation(detected=False)}, "reference R-peaks: test beats lie on"),
        ({"reference": None}, "reference R-peaks: beat classes are to be reported at these too"),
        (
            {"reference": evaluation(DS2[1:], detected=False)},
            "reference R-peaks: not of the same records",
        ),
        ({"reference": evaluation(detected=False, mapping=EC57)}, "AAMI mapping: another one"),
        ({"look_ahead_s": 1.2}, "look-ahead: 1.2 s past the beat; at most 1 s"),
        ({"look_ahead_s": float("nan")}, "look-ahead: nan s"),
        ({"look": None}, "DS2: 22 of its records are looked at without a reason"),
        (
            {"evaluation": evaluation(beats="N" * 9 + "A" * 5 + "V" * 6)},
            "label order: beats are grouped by label in 100, 103",
        ),
        (
            {
                "evaluation": evaluation(("train", "test"), database="ECG5000"),
                "reference": evaluation(("train", "test"), database="ECG5000", detected=False),
            },
            "too few patients: 2 .ECG5000 is one person.",
        ),
    ],
)
def test_each_fault_forbids_the_headline(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=f"no headline from these figures: {named}"):
        claim(**changes).headline()


def test_all_faults_are_named_at_once() -> None:
    broken = claim(model=WITH_A_TEST_PATIENT, look=None, look_ahead_s=3.0, reference=None)
    assert [fault.split(":")[0] for fault in broken.faults()] == [
        "patient overlap",
        "DS2",
        "reference R-peaks",
        "look-ahead",
    ]


def test_qrs_alone_needs_no_reference_peaks_and_svdb_no_look() -> None:
    names = tuple(f"8{i:02d}" for i in range(12))
    other = evaluation(names, database="svdb")
    headline = claim(evaluation=other, reference=None, look=None, kinds=("qrs",)).headline()
    text = "\n".join(headline.lines())
    assert "QRS, detected R-peaks, gross" in text
    assert "without 202" not in text
    assert "\nVEB," not in text


def test_a_mean_over_records_does_not_pass_for_gross() -> None:
    sound = claim()
    found = sound.evaluation.records
    Headline(sound, gross(found), average(found))
    with pytest.raises(InputError, match="gross QRS must be counts over all beats: a mean over"):
        Headline(sound, average(found), average(found))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="mean QRS must be a mean over records"):
        Headline(sound, gross(found), gross(found))  # type: ignore[arg-type]


def test_a_headline_cannot_be_made_past_the_claim() -> None:
    broken = claim(look=None)
    found = broken.evaluation.records
    with pytest.raises(InputError, match="no headline from these figures: DS2"):
        Headline(broken, gross(found), average(found))


RECORDS = DS2[:10]
CLAIM = """
model = "m 1.0.0"
look_ahead_s = 0.6
runs = ["run.json"]
reference_test = "ref"
why = "a test of the command"
log = "looks.md"
"""


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """Folders ``mitdb`` and ``scored`` with ten records of made-up beats, and a claim."""
    import wfdb

    rng = np.random.default_rng(1)
    for folder in ("mitdb", "scored"):
        (tmp_path / folder).mkdir()
    at = 108_000 + np.arange(1, len(BEATS) + 1) * STEP
    for record in RECORDS:
        for folder, extension, sample in (
            ("mitdb", "atr", at),
            ("scored", "ref", at),
            ("scored", "vgl", at - rng.integers(0, 9, len(at))),
        ):
            write_dir = str(tmp_path / folder)
            wfdb.wrann(record, extension, sample, list(BEATS), fs=360, write_dir=write_dir)
    made = {"training_patients": sorted(MODEL.patients), "validation_patients": []}
    (tmp_path / "run.json").write_text(json.dumps(made))
    (tmp_path / "claim.toml").write_text(CLAIM)
    return tmp_path


def evaluate(folder: Path, *options: str) -> int:
    names = ("mitdb", "scored", "claim.toml")
    ref, test, path = (str(folder / name) for name in names)
    return run(["evaluate", ref, test, "--mapping", "dechazal", "--claim", path, *options])


def test_the_command_gives_the_headline_and_logs_the_look(
    annotated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(annotated) == 0
    out = capsys.readouterr().out
    assert "m 1.0.0: 200 beats (30 VEB, 10 SVEB) of 10 records of 10 patients" in out
    assert "VEB, reference R-peaks, gross: Se 100.00" in out
    assert "R-peaks: detected" in out

    assert evaluate(annotated, "--json") == 0
    assert json.loads(capsys.readouterr().out)["headline"][0].startswith("m 1.0.0: 200 beats")
    looks = (annotated / "looks.md").read_text().splitlines()
    assert len([line for line in looks if line.endswith("| a test of the command |")]) == 2
    assert "| m 1.0.0 | QRS F1 100.00, VEB F1 100.00, SVEB F1 100.00 |" in looks[-1]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('why = "a test of the command"', "", "DS2: 10 of its records are looked at without"),
        ("0.6", "1.5", "look-ahead: 1.5 s"),
        ('reference_test = "ref"', "", "reference R-peaks: beat classes are to be reported"),
        ('runs = ["run.json"]', 'patients = ["mitdb/100"]', "patient overlap: model m 1.0.0 was"),
        ('runs = ["run.json"]', "", "model m 1.0.0 must name the patients"),
        ('"run.json"', '"none.json"', "cannot read .*none.json"),
        ('"run.json"', '"claim.toml"', "is not the run.json of a run"),
        ("look_ahead_s", "lookahead", "look_ahead_s: Field required; lookahead: Extra inputs"),
        ("model =", "model", "claim.toml is not TOML"),
    ],
)
def test_the_command_refuses_a_claim_with_the_reason(
    annotated: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, named: str
) -> None:
    import re

    (annotated / "claim.toml").write_text(CLAIM.replace(old, new, 1))
    assert evaluate(annotated) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert re.search(named, error), error
    assert not (annotated / "looks.md").exists()
