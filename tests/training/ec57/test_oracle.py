"""Every count and rate that the official tools print, for 48 records and two annotators."""

import json

import pytest

from deploy.cli.main import run
from training.ec57 import average, gross
from training.ec57.lines import (
    bxb_line,
    bxb_sum_lines,
    confusion_lines,
    epicmp_line,
    epicmp_sum_lines,
    rxr_line,
    rxr_sum_lines,
    shutdown_line,
)

pytestmark = pytest.mark.data

KINDS = ("qrs", "veb", "sveb")
FOLDERS = {"prt": "perturbed", "qrs": "gqrs"}
BOTH = pytest.mark.parametrize("ext", ["prt", "qrs"])
EITHER_WAY = pytest.mark.parametrize("official", [True, False], ids=["official", "default"])

RUNS_OF_AF = ["201", "203", "210", "217", "219", "221", "222"]
"""Records whose AF onsets rxr takes for runs (physionet issue 29): the default differs there."""


def table(path):
    """Lines of a table by their first word, as words; dashes, headings and rules left out."""
    words = [line.split() for line in path.read_text().splitlines()]
    return {w[0]: w for w in words if w and (w[0].isdigit() or w[0] in ("Sum", "Gross", "Average"))}


def records(evaluation):
    assert len(evaluation.records) == 48
    return evaluation.records


@BOTH
@EITHER_WAY
def test_every_line_of_bxb_is_equal(evaluations, oracle_dir, ext, official):
    theirs = table(oracle_dir / FOLDERS[ext] / "bxb.txt")
    for record in records(evaluations[ext, official]):
        assert bxb_line(record.record, record.beats).split() == theirs.pop(record.record)
    assert not theirs


@BOTH
@EITHER_WAY
def test_every_shutdown_line_of_bxb_is_equal(evaluations, oracle_dir, ext, official):
    theirs = table(oracle_dir / FOLDERS[ext] / "bxb-shutdown.txt")
    for record in records(evaluations[ext, official]):
        assert shutdown_line(record.record, record.beats).split() == theirs.pop(record.record)
    assert not theirs


@BOTH
@EITHER_WAY
def test_every_confusion_matrix_of_bxb_is_equal(evaluations, oracle_dir, ext, official):
    text = (oracle_dir / FOLDERS[ext] / "bxb-matrices.txt").read_text()
    blocks = text.split("Beat-by-beat comparison results for record ")[1:]
    theirs = {block.split()[0]: block for block in blocks}
    for record in records(evaluations[ext, official]):
        block = theirs.pop(record.record)
        rows = [
            line.split() for line in block.splitlines() if line[1:2] in "NSVFQOX" and "|" in line
        ]
        assert [line.split() for line in confusion_lines(record.beats)] == rows
        for name, rate, part, whole in percentages(record.beats):
            shown = f"{'-' if rate is None else f'{rate:.2f}%'} ({part}/{whole})"
            assert f"{name}: {shown}" in " ".join(block.split())
    assert not theirs


def percentages(beats):
    for name, tally in (("QRS", beats.qrs), ("VEB", beats.veb), ("SVEB", beats.sveb)):
        yield f"{name} sensitivity", tally.se, tally.tp_se, tally.tp_se + tally.fn
        yield f"{name} positive predictivity", tally.ppv, tally.tp_ppv, tally.tp_ppv + tally.fp


@BOTH
@EITHER_WAY
def test_every_sum_of_bxb_is_equal(evaluations, oracle_dir, ext, official):
    path = oracle_dir / FOLDERS[ext] / "sum-bxb.txt"
    theirs, mine = table(path), bxb_sum_lines(records(evaluations[ext, official]))
    for name in ("Sum", "Gross", "Average"):
        assert mine[name].split() == theirs[name]
    assert mine["Total"] in path.read_text()


@pytest.mark.parametrize("kind", ["ve", "sve"])
def test_every_line_of_rxr_is_equal_when_counted_as_official(evaluations, oracle_dir, kind):
    theirs = table(oracle_dir / "perturbed" / f"rxr-{kind}.txt")
    for record in records(evaluations["prt", True]):
        assert rxr_line(record.record, record.runs[kind]).split() == theirs.pop(record.record)
    assert not theirs


@pytest.mark.parametrize(("kind", "differ"), [("ve", ["203"]), ("sve", RUNS_OF_AF)])
def test_corrected_runs_differ_in_no_record_without_af(evaluations, oracle_dir, kind, differ):
    theirs = table(oracle_dir / "perturbed" / f"rxr-{kind}.txt")
    mine = records(evaluations["prt", False])
    assert [
        r.record for r in mine if rxr_line(r.record, r.runs[kind]).split() != theirs[r.record]
    ] == differ


@pytest.mark.parametrize("kind", ["ve", "sve"])
def test_every_sum_of_rxr_is_equal_when_counted_as_official(evaluations, oracle_dir, kind):
    path = oracle_dir / "perturbed" / f"sum-rxr-{kind}.txt"
    theirs = table(path)
    mine = rxr_sum_lines([r.runs[kind] for r in records(evaluations["prt", True])])
    for name in ("Sum", "Gross", "Average"):
        assert mine[name].split() == theirs[name]
    assert mine["Total"] in path.read_text()


@EITHER_WAY
@pytest.mark.parametrize("kind", ["af", "vf"])
def test_every_line_of_epicmp_is_equal(evaluations, oracle_dir, kind, official):
    theirs = table(oracle_dir / "perturbed" / f"epicmp-{kind}.txt")
    for record in records(evaluations["prt", official]):
        assert epicmp_line(record.record, record.episodes[kind]).split() == theirs.pop(
            record.record
        )
    assert not theirs


@EITHER_WAY
@pytest.mark.parametrize("kind", ["af", "vf"])
def test_every_sum_of_epicmp_is_equal(evaluations, oracle_dir, kind, official):
    theirs = table(oracle_dir / "perturbed" / f"sum-epicmp-{kind}.txt")
    mine = epicmp_sum_lines([r.episodes[kind] for r in records(evaluations["prt", official])])
    for name in ("Sum", "Gross", "Average"):
        assert mine[name].split() == theirs[name]


def test_gross_and_average_are_both_given(evaluations):
    found = evaluations["prt", False].records
    assert round(gross(found)["veb"].ppv, 2) == 88.24
    assert round(average(found)["veb"].ppv, 2) == 48.83


@BOTH
def test_the_command_prints_the_gross_rates_of_sumstats(oracle_dir, data_dir, capsys, ext):
    folder = oracle_dir / FOLDERS[ext]
    assert run(["evaluate", str(data_dir / "mitdb"), str(folder), "--test", ext, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    theirs = table(folder / "sum-bxb.txt")
    for name in ("Gross", "Average"):
        mine = [found[name.lower()][kind][rate] for kind in KINDS for rate in ("se", "ppv")]
        assert ["-" if v is None else f"{v:.2f}" for v in mine] == theirs[name][1:7]
