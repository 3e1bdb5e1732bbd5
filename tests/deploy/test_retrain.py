"""A change of the other beat models: of two leads, and a small one that is taught by a large one.

From the champion on the shelf to the candidate in its place and back; all on simulated patients.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.cli.main import run
from deploy.services.retraining import Change, Retraining
from deploy.trials.loop_keys import make_keys
from inference import model
from ingest.errors import InputError
from tests.deploy.loop_database import write_patients
from training.config import load_config
from training.fit import fit
from training.retrain.models import CooledFusion, open_model

pytestmark = pytest.mark.timeout(900)

RATES = {"ada": 70.0, "bea": 100.0, "eve": 62.0, "gus": 104.0}
TRAINING = """\
task = "TASK"
name = "NAME"
version = "VERSION"
thresholds = { S = 0.5, V = 0.4 }
[data]
database = "simdb"
records = RECORDS
leads = LEADS
[fit]
epochs = 1
steps = 12
batch = 6
length = 24
learning_rate = 0.01
[architecture]
channels = 3
embedding = 6
hidden_v = 8
hidden_s = 4
"""
CHANGE = """\
name = "change"
champion = "champion"
candidate = "candidate.toml"
groups = ["site"]
[[locked]]
database = "simdb"
records = ["eve", "gus"]
[change]
what = "More patients."
why = "There are some."
[limits]
f1_points = { VEB = 101.0 }
group_points = 100.0
group_patients = 2
ece = 1.0
brier = 1.0
log_loss = 9.0
latency_ratio = 10.0
size_ratio = 3.0
noise_points = 100.0
attack_share = 1.0
attack_points = 100.0
[noise]
source = "drawn"
records = 1
[attack]
records = 1
"""
"""Limits are wide: the models are of seconds; what is tried is the way, not how good they are."""


def training(folder: Path, file: str, **values: Any) -> Path:
    text = TRAINING
    for key, value in values.items():
        text = text.replace(key, value if isinstance(value, str) else json.dumps(value))
    path = folder / file
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_patients(folder / "simdb", RATES, n_leads=2)
    return folder


@pytest.fixture(scope="module")
def two_leads(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Change]:
    """A champion of two leads, and a change of it."""
    work = tmp_path_factory.mktemp("two")
    common: dict[str, Any] = {"TASK": "two-lead-beat", "NAME": "beat-two-lead", "LEADS": [0, 1]}
    old = training(work, "old.toml", VERSION="1.0.0", RECORDS=["ada"], **common)
    fit(load_config(old), data, work / "champion", progress=False)
    training(work, "candidate.toml", VERSION="1.1.0", RECORDS=["ada", "bea"], **common)
    (work / "change.toml").write_text(CHANGE)
    make_keys(work)
    return work, Retraining(data, work / "key.pem", "release").change(
        work / "change.toml", work / "out"
    )


def test_a_model_of_two_leads_goes_through_every_gate(two_leads: tuple[Path, Change]) -> None:
    work, change = two_leads
    record = change.record
    assert record["stopped_by"] == []
    gates = {one["name"]: one for one in record["impact_assessment"]["gates"]}
    assert len(gates) == 9
    assert gates["adversary"]["measured"]["champion"]["beats"] > 0
    sides = record["description_of_modifications"]
    champion = open_model(work / "champion")
    assert sides["champion"] | {"temperature": None} == {
        "name": "beat-two-lead",
        "version": "1.0.0",
        "sha256": champion.info.digest,
        "temperature": None,
        "file": "beat-two-lead.onnx",
        "patients": 1,
    }
    assert sides["data"]["new"] == ["simdb/bea"]
    assert model.load(work / "out" / "candidate" / "beat-two-lead.onnx")[1].leads == ("any", "any")


def test_a_candidate_of_two_leads_is_calibrated_and_its_threshold_moves_along(
    two_leads: tuple[Path, Change],
) -> None:
    candidate = open_model(two_leads[0] / "out" / "candidate")
    assert candidate.run is not None
    temperature = candidate.run["temperature"]
    threshold = candidate.info.thresholds["V"]
    assert np.log(threshold / (1 - threshold)) * temperature == pytest.approx(np.log(0.4 / 0.6))
    fusion = candidate.module.fusion  # type: ignore[union-attr]
    assert isinstance(fusion, CooledFusion)


def test_it_takes_its_own_champions_place_on_the_shelf_and_gives_it_back(
    two_leads: tuple[Path, Change], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work, change = two_leads
    promote_and_roll_back("beat-two-lead", work / "champion", change, work, tmp_path)
    capsys.readouterr()


def promote_and_roll_back(name: str, champion: Path, change: Change, keys: Path, at: Path) -> None:
    """Put a champion on the shelf, a candidate in its place, and the champion back."""
    from deploy.registry.store import ModelRegistry
    from deploy.security.models import sign_model

    first = champion / f"{name}.onnx"
    sign_model(first, keys / "key.pem")
    store = str(at / "registry.db")
    common = [name, "--models", str(at / "models"), "--registry", store]
    common += ["--trust", str(keys / "public.pem")]
    in_use = at / "models" / name / "champion" / f"{name}.onnx"
    assert run(["models", "promote", *common, "--first", str(first)]) == 0
    told = change.record["description_of_modifications"]["candidate"]
    assert change.candidate is not None
    ModelRegistry(store).add(
        told["name"], change.candidate, change.folder, told["version"], told["sha256"]
    )
    assert run(["models", "promote", *common]) == 0
    assert in_use.read_bytes() == change.candidate.read_bytes() != first.read_bytes()
    assert run(["models", "rollback", *common]) == 0
    assert in_use.read_bytes() == first.read_bytes()


@pytest.mark.parametrize(
    ("task", "name", "leads", "named"),
    [
        ("beat", "beat-two-lead", [0], "looks at 1 leads; allowed: 2"),
        ("two-lead-beat", "beat", [0, 1], "name is 'beat'; allowed: 'beat-two-lead'"),
    ],
)
def test_another_models_candidate_is_refused_before_it_is_trained(
    two_leads: tuple[Path, Change],
    data: Path,
    tmp_path: Path,
    task: str,
    name: str,
    leads: list[int],
    named: str,
) -> None:
    work = two_leads[0]
    values: dict[str, Any] = {"TASK": task, "NAME": name, "LEADS": leads}
    training(tmp_path, "candidate.toml", VERSION="1.1.0", RECORDS=["ada"], **values)
    told = CHANGE.replace('"champion"', json.dumps(str(work / "champion")))
    (tmp_path / "change.toml").write_text(told)
    with pytest.raises(InputError, match=named):
        Retraining(data, work / "key.pem", "release").change(
            tmp_path / "change.toml", tmp_path / "out"
        )
    assert not (tmp_path / "out").exists()


def test_a_small_model_taught_by_a_run_that_knows_no_locked_patient_is_promoted_and_taken_back(
    two_leads: tuple[Path, Change],
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = two_leads[0] / "key.pem"
    common: dict[str, Any] = {"TASK": "beat", "LEADS": [0], "RECORDS": ["ada"]}
    for name, who in (
        ("teacher", ["ada", "bea"]),
        ("leaky", ["ada", "gus"]),
        ("champion", ["ada"]),
    ):
        values = common | {"NAME": "beat-edge", "VERSION": "1.0.0", "RECORDS": who}
        made = training(tmp_path, f"{name}.toml", **values)
        fit(load_config(made), data, tmp_path / name, progress=False)
    (tmp_path / "change.toml").write_text(CHANGE)
    judge = Retraining(data, key, "release")

    def changed(teacher: str, out: str) -> Change:
        path = training(tmp_path, "candidate.toml", NAME="beat-edge", VERSION="1.1.0", **common)
        path.write_text(path.read_text() + f'[distill]\nteacher = "{teacher}"\n')
        return judge.change(tmp_path / "change.toml", tmp_path / out)

    with pytest.raises(InputError, match="beat does not tell whom it learned from"):
        changed("beat", "shipped")
    leaky = changed(str(tmp_path / "leaky" / "beat-edge.onnx"), "leaked").record
    assert leaky["stopped_by"] == ["leakage"]
    assert leaky["impact_assessment"]["gates"][0]["reason"] == "a teacher learned from simdb/gus"
    good = changed(str(tmp_path / "teacher" / "beat-edge.onnx"), "good")
    assert good.passed
    distilled = good.record["modification_protocol"]["retraining"]["distill"]
    assert distilled["teacher"] == str(tmp_path / "teacher" / "beat-edge.onnx")
    promote_and_roll_back("beat-edge", tmp_path / "champion", good, two_leads[0], tmp_path)
    capsys.readouterr()


@pytest.mark.parametrize("name", ["qrs", "rhythm", "atrial"])
def test_other_kinds_are_refused_and_told_what_is_allowed(name: str) -> None:
    with pytest.raises(InputError, match="beat, beat-two-lead and beat-edge"):
        open_model(Path(name))


@pytest.mark.parametrize("name", ["beat", "beat-two-lead", "beat-edge"])
def test_each_beat_model_that_ships_may_be_the_champion(name: str) -> None:
    known = open_model(Path(name))
    assert known.info.name == name
    assert known.n_leads == (2 if name == "beat-two-lead" else 1)
