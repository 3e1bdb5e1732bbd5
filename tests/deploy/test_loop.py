"""The whole loop, small and simulated: a candidate learns from feedback and is put in use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.audit_log import read, verify
from deploy.cli.main import run
from deploy.services.retraining import Retraining
from deploy.trials.loop import LEAKED, Outcome, run_loop
from deploy.trials.loop_page import page
from deploy.trials.loop_plan import LoopPlan
from ingest.errors import InputError
from tests.deploy.loop_database import write_patients

pytestmark = pytest.mark.timeout(1200)

CHAMPION, WARD, LOCKED = ("ada", "bea"), ("cat", "dot"), ("eve", "gus", "hal")
RATES = {"ada": 70.0, "bea": 105.0, "cat": 65.0, "dot": 100.0}
RATES |= {"eve": 62.0, "gus": 110.0, "hal": 104.0}
PLAN = LoopPlan(
    champion={"simdb": CHAMPION},
    ward={"simdb": WARD},
    locked={"simdb": LOCKED},
    fit={"epochs": 5, "steps": 24, "batch": 8, "length": 40, "learning_rate": 0.01},
    architecture={"channels": 4, "embedding": 8, "hidden_v": 12, "hidden_s": 4},
    limits={
        "f1_points": {"VEB": 60.0},
        "group_points": 30.0,
        "group_patients": 2,
        "ece": 0.5,
        "brier": 0.5,
        "log_loss": 5.0,
        "latency_ratio": 10.0,
        "size_ratio": 3.0,
        "noise_points": 60.0,
        "attack_share": 1.0,
        "attack_points": 100.0,
    },
    noise={"source": "drawn", "records": 1},
    attack={"records": 1},
)
"""Limits are wide: the models are of seconds; what is tried is that the right gate decides."""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loop")


@pytest.fixture(scope="module")
def outcome(work: Path) -> Outcome:
    write_patients(work / "source" / "simdb", RATES)
    return run_loop(PLAN, work / "source", work / "work")


def test_the_good_candidate_learned_from_feedback_and_is_in_use(
    outcome: Outcome, work: Path
) -> None:
    record = outcome.good.record
    assert record["stopped_by"] == []
    assert outcome.labels["relabelled"] + outcome.labels["confirmed"] > 0
    new = record["description_of_modifications"]["data"]["new"]
    assert new == [f"simdb/{name}" for name in WARD]
    in_use = work / "work" / "models" / "beat" / "champion" / "beat.onnx"
    assert in_use.read_bytes() == outcome.good.candidate.read_bytes()  # type: ignore[union-attr]
    assert [one["stage"] for one in outcome.history] == ["champion", "retired"]


@pytest.mark.parametrize(
    ("fault", "gate", "looked"),
    [
        (LEAKED, "leakage", False),
        ("batch-dependent", "batch invariance", False),
        ("subgroup ruined", "subgroups", True),
    ],
)
def test_faulty_candidates_are_stopped_by_the_gate_for_them(
    outcome: Outcome, fault: str, gate: str, looked: bool
) -> None:
    record = outcome.bad[fault].record
    assert gate in record["stopped_by"]
    assert looked or record["stopped_by"] == [gate]
    assert (record["modification_protocol"]["look"] is not None) is looked


def test_leaked_patients_train_nothing(outcome: Outcome) -> None:
    change = outcome.bad[LEAKED]
    assert not (change.folder / "candidate").exists()
    assert len(change.record["impact_assessment"]["gates"][0]["measured"]["leaks"]) == len(LOCKED)


def test_each_action_stands_in_the_audit_log(outcome: Outcome, work: Path) -> None:
    log = work / "work" / "audit.jsonl"
    assert verify(log).n_lines == outcome.audit_lines
    done = [entry.what for entry in read(log)]
    assert done[1:] == ["model.begin", "model.promote", "model.rollback", "model.promote"]


def test_the_page_says_what_stopped_each(outcome: Outcome) -> None:
    text = page(outcome)
    assert "| subgroup ruined | subgroups |" in text
    assert "| EC57 non-inferiority |" in text


def test_the_records_pages_say_the_outcome(outcome: Outcome) -> None:
    folder = outcome.bad["subgroup ruined"].folder
    assert "stopped" in (folder / "record.md").read_text()
    assert '<span class="failed">failed</span>' in (folder / "record.html").read_text()


def test_a_candidate_is_not_judged_twice_under_another_name(outcome: Outcome, work: Path) -> None:
    told = (work / "work" / "good.toml").read_text().replace('name = "good"', 'name = "again"')
    again = work / "work" / "again.toml"
    again.write_text(told)
    judge = Retraining(work / "work" / "data", work / "work" / "key.pem", "release")
    from training.retrain.models import open_model

    with pytest.raises(InputError, match="judged by this locked set before"):
        judge.change(again, work / "again", open_model(work / "work/changes/good/candidate"))


def test_what_was_stopped_or_changed_is_not_promoted(
    outcome: Outcome, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from deploy.registry.store import ModelRegistry

    store = str(work / "work" / "registry.db")
    common = ["--models", str(work / "work" / "models"), "--registry", store]
    common += ["--trust", str(work / "work" / "public.pem")]
    bad = outcome.bad["subgroup ruined"]
    told = bad.record["description_of_modifications"]["candidate"]
    file = work / "work" / "planted" / "subgroup-ruined" / "beat.onnx"
    number = ModelRegistry(store).add("beat", file, bad.folder, "0.2.0", told["sha256"]).number
    assert run(["models", "promote", "beat", "--version", str(number), *common]) == 2
    assert "was stopped by: " in capsys.readouterr().err
    record = bad.folder / "record.json"
    content = record.read_text()
    record.write_text(content.replace('"stopped"', '"passed"'))
    try:
        assert run(["models", "promote", "beat", "--version", str(number), *common]) == 2
        assert "changed since it was signed" in capsys.readouterr().err
    finally:
        record.write_text(content)
    assert run(["models", "history", "beat", *common[:4], "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["stage"] for one in lines][1:] == ["champion", "retired"]


def test_a_judgement_beside_another_champion_is_out_of_date(
    outcome: Outcome, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--models", str(work / "work" / "models")]
    common += ["--registry", str(work / "work" / "registry.db")]
    common += ["--trust", str(work / "work" / "public.pem")]
    assert run(["models", "promote", "beat", "--version", "2", *common]) == 2
    assert "judge it anew" in capsys.readouterr().err


def test_the_link_in_use_is_changed_in_one_step(outcome: Outcome, work: Path) -> None:
    link = work / "work" / "models" / "beat" / "champion"
    assert link.is_symlink()
    assert {"beat.onnx", "beat.onnx.sig", "record.json"} <= {each.name for each in link.iterdir()}
