"""The command ``vigil bench``: what it tells, not how fast anything is."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cli.main import run
from deploy.services import benchmarks
from deploy.services.bench import latency, patient, peers, stages, steps, turns
from deploy.services.bench.figure import Figure
from deploy.services.bench.guard import Worse, compare
from deploy.services.bench.stages import Stopwatch
from deploy.services.bench.workload import Ward, simulated
from inference.model import builtin_names

Say = pytest.CaptureFixture[str]


def test_figures_are_told_as_one_object(capsys: Say) -> None:
    assert run(["bench", "codec", "models", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)

    assert told.keys() == {"machine", "figures", "calibration"}
    assert told["machine"]
    names = [figure["name"] for figure in told["figures"]]
    assert names[:2] == ["decode a frame of 1 s", "a frame of 1 s by lz4"]
    assert {f"model {n}, batch 128" for n in builtin_names()} <= set(names)
    for figure in told["figures"]:
        assert figure.keys() == {"name", "value", "unit", "peer", "ratio", "spread"}
        assert figure["unit"]
        assert figure["peer"]
        for key in ("value", "ratio"):
            assert math.isfinite(figure[key])
            assert figure[key] > 0


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(_: object) -> Iterator[Figure]:
        yield Figure("sums", 1234.5, "us", "adding by hand", 0.25)

    monkeypatch.setattr(benchmarks, "BENCHMARKS", {"one": measured, "two": measured})


@pytest.mark.usefixtures("pretended")
def test_all_are_measured_where_none_is_named(capsys: Say) -> None:
    assert run(["bench", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["figures"]) == 2


@pytest.mark.usefixtures("pretended")
def test_people_get_a_table(capsys: Say) -> None:
    assert run(["bench", "one"]) == 0
    shown = capsys.readouterr().out
    assert "1.23e+03 us" in shown
    assert "adding by hand" in shown
    assert "0.25" in shown


def test_an_unknown_name_is_bad_input_before_anything_is_measured(capsys: Say) -> None:
    assert run(["bench", "codec", "nope"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "no benchmark 'nope'; there are: start, codec, models, score, stages" in err
    assert "measuring" not in err


@pytest.mark.usefixtures("pretended")
def test_a_report_holds_the_figures_and_the_machine(tmp_path: Path, capsys: Say) -> None:
    assert run(["bench", "one", "--report", str(tmp_path / "report")]) == 0

    page = (tmp_path / "report/README.md").read_text()
    assert "| sums | 1,234 us | 0% | adding by hand | 0.25 |" in page
    assert "Machine: " in page
    html = (tmp_path / "report/index.html").read_text()
    assert "<td>sums<td class=n>1,234 us<td class=n>0%<td>adding by hand<td class=n>0.25" in html
    kept = json.loads((tmp_path / "report/bench.json").read_text())
    assert kept["figures"][0]["ratio"] == 0.25
    assert "adding by hand" in capsys.readouterr().out


@pytest.mark.usefixtures("pretended")
@pytest.mark.parametrize(("before", "code"), [(0.25, 0), (0.2, 0), (0.1, 1), (1.0, 0)])
def test_ratios_are_held_against_an_earlier_run(
    tmp_path: Path, capsys: Say, before: float, code: int
) -> None:
    kept = tmp_path / "kept.json"
    figure = {"name": "sums", "peer": "adding by hand", "ratio": before}
    kept.write_text(json.dumps({"figures": [figure]}))

    assert run(["bench", "one", "--against", str(kept)]) == code
    assert ("worse: sums, beside adding by hand" in capsys.readouterr().err) == bool(code)


@pytest.mark.usefixtures("pretended")
@pytest.mark.parametrize("text", ["", "{}", '{"figures": []}', '{"figures": [{"name": "sums"}]}'])
def test_what_is_no_earlier_run_is_bad_input(tmp_path: Path, text: str, capsys: Say) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(text)

    assert run(["bench", "one", "--against", str(kept)]) == 2
    assert "kept.json" in capsys.readouterr().err


def test_rates_are_worse_when_they_fall(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps({"figures": [{"name": "all", "peer": "naive", "ratio": 20.0}]}))

    def worse(ratio: float) -> list[Worse]:
        figure = Figure("all", 1.0, "patients in real time a core", "naive", ratio)
        return compare([figure], kept)

    assert worse(18.0) == worse(40.0) == []
    assert worse(10.0) == [Worse("all", "naive", 20.0, 10.0)]


def test_own_time_leaves_out_what_was_spent_in_what_is_timed_too() -> None:
    now_s = [0.0]

    def spend(s: float) -> None:
        now_s[0] += s

    watch = Stopwatch(lambda: now_s[0])
    inner = watch.timed("inner", lambda: spend(2.0))

    def work() -> None:
        spend(1.0)
        inner()
        inner()

    watch.timed("outer", work)()

    assert dict(watch.own_s) == {"inner": 4.0, "outer": 1.0}


def test_stages_add_up_to_the_whole_and_are_drawn(tmp_path: Path) -> None:
    ward = Ward(simulated(2, 20.0), 96)
    figures = list(stages.stages(ward, tmp_path / "flame.svg"))

    assert [f.name for f in figures[-1:]] == ["all stages"]
    assert {"stage: QRS model", "stage: decode messages"} <= {f.name for f in figures}
    assert sum(f.ratio for f in figures[:-1]) == pytest.approx(1.0)
    drawn = (tmp_path / "flame.svg").read_text()
    assert drawn.startswith("<svg ")
    assert drawn.count("<g>") == drawn.count("</g>") > 3


def test_latency_is_waiting_and_scoring_of_frames_that_come_at_any_time() -> None:
    assert 0 < latency.p99_ms(Ward(simulated(2, 20.0), 3, 1.0)) < 10_000


def test_a_worker_hears_all_and_writes_states_in_turns_that_follow_one_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "SIGNAL_S", 30.0)
    monkeypatch.setattr(turns, "SETTLE_S", 1.0)
    found = turns.turns(Ward(simulated(4, 20.0), 70, 1.0), every_s=5.0)

    assert 70 * 4 <= found.n_states <= 70 * 7
    assert found.late_s
    assert 0 < min(found.late_s) <= max(found.late_s) < 1.0 + 10 * sum(found.turn_s)


def test_a_naive_pipeline_finds_the_beats_it_is_compared_for() -> None:
    recording = simulated(2, 20.0)[0]
    pipeline, n = peers.Naive(), round(recording.fs)
    found = {}
    for at in range(12):
        samples = recording.samples[0, at * n :][:n].tolist()
        message = json.dumps({"stream": "p", "fs": recording.fs, "samples": samples})
        found = json.loads(pipeline.take(message))

    assert 5 <= len(found["r"]) == len(found["beats"]) <= 30


def test_every_way_to_step_the_qrs_net_is_measured() -> None:
    figures = list(steps.peak(50.0, compiled=False))
    assert [f.name for f in figures][:2] == ["QRS model", "QRS net by plain numpy, batch 128"]
    assert all(f.value > 0 for f in figures)


def test_ticks_of_one_patient_are_parted_by_stage_and_by_whether_they_hold_a_beat() -> None:
    told = {f.name: f for f in patient.ticks(simulated(1), signal_s=12.0, repeats=1)}
    whole = [f for f in told.values() if f.unit == "ms"]
    assert [f.name.split(", ")[2].split()[0] for f in whole] == ["p50", "p99"]
    assert 0 < whole[0].value <= whole[1].value
    for kind in ("with a beat", "without one"):
        parts = [f for f in told.values() if f"tick {kind}, stage" in f.name]
        assert sum(f.ratio for f in parts) == pytest.approx(1)
    assert "one patient, tick with a beat, stage: beat model" in told
    assert "one patient, tick without one, stage: beat model" not in told
    assert "one patient, tick without one, stage: QRS model" in told
