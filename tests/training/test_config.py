"""A training run's configuration: what is allowed, and what is said of what is not."""

from pathlib import Path

import pytest

from ingest.errors import InputError
from training.config import load_config
from training.splits import DS1

HEAD = 'task = "beat"\nname = "mine"\nversion = "1.0.0"\n'
CONFIGS = Path(__file__).parents[2] / "training" / "configs"


def load_text(folder: Path, text: str) -> object:
    path = folder / "run.toml"
    path.write_text(text, "utf-8")
    return load_config(path)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_configs_learn_from_ds1_alone_of_mitdb(path: Path) -> None:
    config = load_config(path)
    of_mitdb = [part for part in config.data.parts if part.database == "mitdb"]
    assert of_mitdb or config.task == "forecast"
    for part in of_mitdb:
        assert {*part.training_records(), *part.validation} <= set(DS1)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (HEAD.replace("beat", "weather"), "task: Input should be 'qrs', 'beat', 'gated-beat',"),
        (HEAD.replace("mine", "Not A Name"), "name: "),
        (HEAD.replace("1.0.0", "1"), "version: "),
        ('task = "beat"', "name: Field required"),
        (HEAD + "typo = 1", "typo: Extra inputs"),
        (HEAD + "[fit]\ntypo = 1", "fit.typo: Extra inputs"),
        (HEAD + "[fit]\nepochs = 0", "fit.epochs: "),
        (HEAD + "[fit]\nlearning_rate = -1", "fit.learning_rate: "),
        (HEAD + "[fit]\nlength = 3", "fit.length: "),
        (HEAD + "[data]\nfs = 250", "data.fs: "),
        (HEAD + "[data]\nleads = []", "data.leads: "),
        (HEAD + "[data]\nleads = [-1]", "data.leads.0: "),
        (HEAD + "[data]\nrecords = []", "no record is left to learn from"),
        (HEAD + '[data]\nvalidation = ["999"]', "data.validation: 999 not among data.records"),
        (HEAD + "[fit]\npatience = 3", "fit.patience needs data.validation"),
        (HEAD + "thresholds = { X = 0.5 }", "thresholds: no class X; allowed: N, S, V"),
        (HEAD + "thresholds = { V = 1.5 }", "thresholds.V: "),
        (HEAD + "[architecture]\nhidden_v = []", "architecture.hidden_v"),
        (HEAD + "[gate]\nfastest_bpm = 120", "gate.fastest_bpm: "),
        (HEAD + "[gate]\nslowest_bpm = 40", "gate.slowest_bpm: "),
        (HEAD + "[pruning]\nbegin = 0.5\nend = 0.4", "pruning.end must lie behind"),
        (
            HEAD + '[fit]\npatience = 3\n[data]\nvalidation = ["101"]\n[pruning]\nunits = 0.5',
            "fit.patience may choose an epoch before pruning is done",
        ),
        (
            HEAD + '[distill]\nteacher = "beat"\n[data]\nvalidation = ["101"]',
            "data.validation: a teacher may have learned from these",
        ),
        (HEAD + '[distill]\nteacher = "beat"\nweight = 2', "distill.weight: "),
        (HEAD + "[distill]\nteacher = []", "distill.teacher"),
        (HEAD + '[distill]\nteacher = [""]', "distill.teacher"),
        (HEAD + "[fit]\naverage = 1.0", "fit.average: "),
        (HEAD + "[fit]\naverage = 0.5\n[pruning]\nweights = 0.5", "allowed with [pruning]: 0"),
        (
            HEAD + '[fit]\naverage = 0.5\npatience = 3\n[data]\nvalidation = ["101"]',
            "allowed with fit.average: 0",
        ),
        (HEAD.replace("beat", "rhythm"), "data.labels: 'spans' is what rhythm and atrial"),
        (
            HEAD + '[data]\nlabels = "spans"',
            "data.labels: 'spans' is what rhythm and atrial",
        ),
        ("task = ", "is not TOML"),
    ],
)
def test_each_fault_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(InputError) as caught:
        load_text(tmp_path, text)
    assert named in str(caught.value)
    assert "run.toml" in str(caught.value)


@pytest.mark.parametrize("record", ["100", "202", "102"])
@pytest.mark.parametrize("database", ["mitdb", "other/../mitdb/"])
def test_test_records_and_paced_ones_are_never_learned_from(
    tmp_path: Path, record: str, database: str
) -> None:
    with pytest.raises(InputError, match=f"data.records holds {record}"):
        load_text(tmp_path, f'{HEAD}[data]\ndatabase = "{database}"\nrecords = ["101", "{record}"]')


def test_test_records_are_not_validated_on(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.records holds 100"):
        load_text(tmp_path, f'{HEAD}[data]\nvalidation = ["100"]')


def test_records_of_other_databases_have_names_of_their_own(tmp_path: Path) -> None:
    load_text(tmp_path, f'{HEAD}[data]\ndatabase = "mine"\nrecords = ["100"]')


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*absent.toml"):
        load_config(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe4"')
    with pytest.raises(InputError, match="is not UTF-8"):
        load_config(tmp_path / "latin.toml")
