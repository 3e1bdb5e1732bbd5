"""The command ``vigil score``: what it writes, and what it says to bad input."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from deploy.cli.main import run
from inference.alarm_json import schema
from ingest.errors import InputError
from ingest.simulator import demo_ward
from tests.inference.test_lead_choice import FS, two_leads
from tests.onnx_models import write_windowed_model
from tests.records import vigil, write_record, write_ward

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # wfdb 4.3 with pandas 3
    import wfdb

Say = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Records of four simulated patients, of 40 s."""
    return write_ward(tmp_path_factory.mktemp("ward"), 4, duration_s=40)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_annotations_and_alarms_are_written_and_told(
    ward: list[str], tmp_path: Path, capsys: Say
) -> None:
    assert run(["score", *ward, "--out", str(tmp_path), "--jobs", "1", "--json"]) == 0

    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["record"] for each in told] == [Path(path).name for path in ward]
    for each in told:
        assert each["duration_s"] == 40.0
        beats = wfdb.rdann(str(tmp_path / each["record"]), "vgl")
        assert beats.fs == 250
        assert sum(symbol in "NSVFQ" for symbol in beats.symbol) == each["beats"]
        assert each["beats"] == sum(each["beats_by_class"].values())
        assert each["episodes"] == sum(each["episodes_by_condition"].values())
        assert each["alarms"] == sum(each["alarms_by_priority"].values())
        assert (beats.sample[0], beats.symbol[0], beats.aux_note[0].rstrip("\0")) == (0, "+", "(N")
        assert (np.diff(beats.sample) >= 0).all()
        lines = Path(each["files"]["alarms"]).read_text().splitlines()
        assert sum(json.loads(line)["state"] == "raised" for line in lines) == each["alarms"]
    assert sum(each["alarms"] for each in told) > 0


def test_alarms_keep_to_the_schema(ward: list[str], tmp_path: Path) -> None:
    import jsonschema

    run(["score", *ward, "--out", str(tmp_path), "--jobs", "1"])

    for path in tmp_path.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            jsonschema.validate(json.loads(line), schema())


def test_strips_of_all_alarms_are_drawn_and_nothing_else_changes(
    ward: list[str], tmp_path: Path
) -> None:
    run(["score", ward[1], "--out", str(tmp_path / "drawn"), "--jobs", "1", "--strips"])
    run(["score", ward[1], "--out", str(tmp_path / "plain"), "--jobs", "1"])
    drawn, plain = files(tmp_path / "drawn"), files(tmp_path / "plain")
    name = Path(ward[1]).name
    page = drawn.pop(f"{name}.strips.html").decode()
    alarms = [json.loads(line) for line in drawn[f"{name}.alarms.jsonl"].splitlines()]
    raised = [alarm for alarm in alarms if alarm["state"] == "raised"]

    assert len(raised) > 0
    assert page.count("<svg") == len(raised)
    assert all(alarm["condition"].replace("_", " ") in page for alarm in raised)
    for alarm in alarms:
        alarm["strip"].pop("signal", None)
    assert alarms == [json.loads(line) for line in plain[f"{name}.alarms.jsonl"].splitlines()]
    assert drawn[f"{name}.vgl"] == plain[f"{name}.vgl"]


@pytest.mark.slow
@pytest.mark.parametrize("chunk_s", [0.02, 0.2, 1.37, 10.0])
def test_any_chunk_and_any_company_gives_the_same_files(
    chunk_s: float, ward: list[str], tmp_path: Path
) -> None:
    alone, beside = tmp_path / "alone", tmp_path / "beside"
    run(["score", *ward, "--out", str(beside), "--jobs", "1"])

    for path in ward[:2] if chunk_s < 0.1 else ward:
        run(["score", path, "--out", str(alone), "--jobs", "1", "--chunk-s", str(chunk_s)])

    found, wanted = files(alone), files(beside)
    assert {name: wanted[name] for name in found} == found
    assert len(found) >= 4


def test_processes_change_nothing(ward: list[str], tmp_path: Path) -> None:
    done = vigil("score", *ward, "--out", tmp_path / "two", "--jobs", 2, "--json")
    assert done.returncode == 0, done.stderr
    run(["score", *ward, "--out", str(tmp_path / "one"), "--jobs", "1"])

    assert files(tmp_path / "two") == files(tmp_path / "one")
    order = [json.loads(line)["record"] for line in done.stdout.splitlines()]
    assert order == [Path(path).name for path in ward]


def test_edf_is_scored_like_wfdb(ward: list[str], tmp_path: Path) -> None:
    import edfio

    patient = demo_ward(4, seed=3, duration_s=40)[1]
    signal = edfio.EdfSignal(
        patient.samples[0] / 200.0, sampling_frequency=250.0, label="II", physical_dimension="mV",
        physical_range=(-163.84, 163.835), digital_range=(-32768, 32767),
    )  # fmt: skip
    edfio.Edf([signal]).write(tmp_path / f"{patient.name}.edf")

    assert run(["score", str(tmp_path / f"{patient.name}.edf"), "--out", str(tmp_path / "e")]) == 0
    assert run(["score", ward[1], "--out", str(tmp_path / "w")]) == 0

    name = f"{patient.name}.vgl"
    edf, other = (wfdb.rdann(str(tmp_path / d / name[:-4]), "vgl") for d in "ew")
    assert edf.sample.tolist() == other.sample.tolist()


@pytest.mark.parametrize(
    "samples",
    [np.zeros(5000), np.full(5000, 2047), np.zeros(1)],
    ids=["flat", "saturated", "one sample"],
)
def test_a_record_without_beats_gives_readable_files(samples: np.ndarray, tmp_path: Path) -> None:
    path = write_record(tmp_path, "quiet", samples.astype(np.int16))

    assert run(["score", path, "--out", str(tmp_path / "out")]) == 0

    read = wfdb.rdann(str(tmp_path / "out" / "quiet"), "vgl")
    assert set(read.symbol) <= {"+"}
    assert (tmp_path / "out" / "quiet.alarms.jsonl").exists()


def bad_record(kind: str, folder: Path) -> str:
    """Make one kind of bad record; return its path."""
    path = folder / "bad"
    if kind == "missing":
        return str(path)
    good = np.full(2500, -32768 if kind == "all missing" else 0, np.int16)
    rates = {"fs 0": 0, "10 kHz": 10_000, "slow": 20}
    write_record(folder, "bad", good, unit="mmHg" if kind == "no ECG" else "mV")
    if kind in rates:
        header = path.with_suffix(".hea").read_text()
        path.with_suffix(".hea").write_text(header.replace(" 250 ", f" {rates[kind]} ", 1))
    if kind == "truncated":
        path.with_suffix(".dat").write_bytes(b"\0" * 100)
    if kind == "empty":
        path.with_suffix(".dat").write_bytes(b"")
    if kind == "no header":
        path.with_suffix(".hea").write_text("")
    return str(path)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("missing", "no record"),
        ("empty", "bad"),
        ("truncated", "truncated"),
        ("no header", "header"),
        ("fs 0", "fs"),
        ("10 kHz", "4096"),
        ("slow", "50"),
        ("all missing", "every sample"),
        ("no ECG", "no lead in uV, mV or V"),
    ],
)
def test_a_bad_record_is_bad_input_and_the_good_one_is_written(
    kind: str, told: str, ward: list[str], tmp_path: Path, capsys: Say
) -> None:
    path = bad_record(kind, tmp_path)
    assert run(["score", path, "--out", str(tmp_path / "alone"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert told in err
    assert "error" in json.loads(out)
    assert files(tmp_path / "alone") == {}

    argv = ["score", path, ward[0], "--out", str(tmp_path / "both"), "--jobs", "1", "--json"]
    assert run(argv) == 2
    first, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["record"] == Path(ward[0]).name
    assert "1 of 2 records were not scored" in last["error"]["message"]
    assert len(files(tmp_path / "both")) == 2


def test_a_lead_that_is_not_there_is_told_with_those_that_are(
    ward: list[str], tmp_path: Path, capsys: Say
) -> None:
    assert run(["score", ward[0], "--out", str(tmp_path), "--lead", "V9"]) == 2
    assert "no lead 'V9'; it has: II" in capsys.readouterr().err


@pytest.mark.parametrize("lead", ["II", "ii", "0"])
def test_a_lead_may_be_named_or_numbered(lead: str, ward: list[str], tmp_path: Path) -> None:
    run(["score", ward[0], "--out", str(tmp_path / "default")])
    assert run(["score", ward[0], "--out", str(tmp_path / "named"), "--lead", lead]) == 0
    assert files(tmp_path / "named") == files(tmp_path / "default")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--model", "nope"], "no built-in model 'nope'"),
        (["--model", "nope.onnx"], "does not exist"),
        (["--model", "junk.onnx"], "not a readable ONNX model"),
        (["--model", "qrs", "--model", "qrs"], "at most one of each kind"),
        (["--chunk-s", "0"], "--chunk-s"),
        (["--chunk-s", "nan"], "--chunk-s"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_bad_use_exits_2_before_anything_is_written(
    argv: list[str], told: str, ward: list[str], tmp_path: Path, capsys: Say,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("junk.onnx").write_bytes(b"junk")

    assert run(["score", ward[0], "--out", "out", *argv]) == 2

    assert told in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_model_whose_metadata_does_not_fit_is_bad_input(
    ward: list[str], tmp_path: Path, capsys: Say
) -> None:
    import onnx

    from inference.model import builtin

    model = onnx.load(builtin("qrs"))
    for entry in model.metadata_props:
        if entry.key == "fs":
            entry.value = "123"
    onnx.save(model, tmp_path / "odd.onnx")

    argv = ["score", ward[0], "--out", str(tmp_path / "out")]
    assert run([*argv, "--model", str(tmp_path / "odd.onnx")]) == 2

    assert "metadata 'fs' is '123'; allowed: a multiple of 5 Hz" in capsys.readouterr().err


def test_a_windowed_model_adds_its_labels(ward: list[str], tmp_path: Path) -> None:
    model = write_windowed_model(tmp_path / "loudness.onnx")
    patient = Path(ward[0]).name

    argv = ["score", ward[0], "--out", str(tmp_path), "--model", str(model)]
    assert run(argv) == 0

    read = wfdb.rdann(str(tmp_path / patient), "vgl")
    notes = [note.rstrip("\0") for note in read.aux_note if note]
    assert "(LOUD" in notes
    assert "(N" in notes


def test_where_another_lead_is_scored_stands_among_the_annotations(tmp_path: Path) -> None:
    samples, _ = two_leads(slice(20 * FS, 40 * FS))
    wfdb.wrsamp(
        "pair", fs=FS, units=["mV", "mV"], sig_name=["II", "V1"], fmt=["16", "16"],
        d_signal=samples.T.astype(np.int64), adc_gain=[200.0, 400.0], baseline=[0, 12],
        write_dir=str(tmp_path),
    )  # fmt: skip
    assert run(["score", str(tmp_path / "pair"), "--out", str(tmp_path / "out")]) == 0

    read = wfdb.rdann(str(tmp_path / "out" / "pair"), "vgl")
    notes = {
        int(at): note.rstrip("\0")
        for at, symbol, note in zip(read.sample, read.symbol, read.aux_note, strict=True)
        if symbol == '"'
    }
    assert list(notes.values()) == ["lead V1", "lead II"]
    there, back = notes
    assert 22 * FS < there < 27 * FS
    assert 49 * FS < back < 53 * FS


def test_two_records_of_one_name_are_refused(ward: list[str], tmp_path: Path, capsys: Say) -> None:
    assert run(["score", ward[0], f"{ward[0]}.hea", "--out", str(tmp_path / "out")]) == 2
    assert "different folders" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_bad_input(ward: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run(["score", ward[0], "--out", str(tmp_path / "file" / "out")]) == 2


def test_bad_input_in_a_process_of_its_own_exits_2(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    done = vigil("score", *paths, "--out", tmp_path / "out", "--jobs", 2)
    assert done.returncode == 2
    assert "2 of 2 records were not scored" in done.stderr
    assert "Traceback" not in done.stderr


def test_writing_fails_whole(tmp_path: Path, ward: list[str]) -> None:
    from deploy.services.models import ModelChoice
    from deploy.services.score_files import write_score
    from deploy.services.scoring import ScoreOptions, score_paths

    [score] = score_paths([ward[0]], ScoreOptions(ModelChoice()), lambda done: None)
    (tmp_path / f"{Path(ward[0]).name}.alarms.jsonl").mkdir()  # stands in the way

    with pytest.raises(InputError, match="cannot write"):
        write_score(score, tmp_path)  # type: ignore[arg-type]

    assert not list(tmp_path.glob(".vigil-*"))
