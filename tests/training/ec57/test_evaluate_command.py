"""``vigil evaluate`` on annotation files made here."""

import csv
import json
import re
import warnings

import pytest

from deploy.cli.main import run

FS = 360
BEATS = {
    "100": ([108_100, 108_400, 108_700, 109_000], list("NVNA"), list("NVNN")),
    "101": ([108_200, 108_500, 108_800], list("NNV"), list("NNN")),
    "202": ([108_200, 108_500], list("NA"), list("NA")),
}


def write(folder, record, ext, sample, symbol):
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # wfdb's, see training.ec57.annotation
        import wfdb

        folder.mkdir(exist_ok=True)
        wfdb.wrann(record, ext, np.array(sample), symbol, fs=FS, write_dir=str(folder))


@pytest.fixture
def folders(tmp_path):
    ref, test = tmp_path / "ref", tmp_path / "test"
    for record, (sample, truth, guess) in BEATS.items():
        write(ref, record, "atr", sample, truth)
        write(test, record, "vgl", sample, guess)
    return ref, test


def evaluate(folders, *options):
    return run(["evaluate", *map(str, folders), *options])


def test_json_has_gross_average_and_records_in_percent(folders, capsys):
    assert evaluate(folders, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["gross"]["qrs"] | {"f1": 100.0} == {
        "se": 100.0, "ppv": 100.0, "f1": 100.0, "tp": 9, "fn": 0, "fp": 0,
    }  # fmt: skip
    assert (found["gross"]["veb"]["se"], found["gross"]["veb"]["ppv"]) == (50.0, 100.0)
    assert found["average"]["sveb"]["se"] == 50.0
    assert [record["record"] for record in found["records"]] == ["100", "101", "202"]
    assert found["records"][1]["sveb"]["se"] is None
    assert found["records"][0]["confusion"]["S"]["n"] == 1
    assert set(found["subsets"]) == {"without 202"}
    assert found["protocol"]["mapping"]["name"] == "ec57"


def test_tables_name_the_mapping_and_the_denominators(folders, capsys):
    assert evaluate(folders, "--runs", "--episodes", "--bootstrap", "20") == 0
    out = capsys.readouterr().out
    for words in ("Record by record", "without 202", "95 %", "Ventricular couplets"):
        assert words in out
    assert "AAMI mapping ec57" in out
    assert "VF, VFL" in out


def test_csv_and_html_are_written(folders, tmp_path, capsys):
    table, page = tmp_path / "out.csv", tmp_path / "out.html"
    assert evaluate(folders, "--runs", "--csv", str(table), "--html", str(page)) == 0
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["record"] for row in rows] == ["100", "101", "202", "gross", "average"]
    assert (rows[0]["Sn"], rows[3]["qrs_tp"], rows[4]["sveb_se"]) == ("1", "9", "50.0")
    html = page.read_text()
    assert html.startswith("<!doctype html>")
    assert "Confusion matrix" in html
    assert "http" not in html


def test_html_escapes_names(folders, tmp_path):
    odd = folders[1].rename(tmp_path / "<b>")
    page = tmp_path / "out.html"
    assert evaluate((folders[0], odd), "--html", str(page)) == 0
    assert "<b> .vgl" not in page.read_text()


def test_records_can_be_named_and_left_out(folders, capsys):
    assert evaluate(folders, "--json", "--records", "100,202", "--exclude", "202") == 0
    found = json.loads(capsys.readouterr().out)
    assert [record["record"] for record in found["records"]] == ["100"]


def test_reference_records_without_test_annotations_are_named(folders, capsys):
    (folders[1] / "101.vgl").unlink()
    assert evaluate(folders) == 0
    assert "No test annotations: 101" in capsys.readouterr().out


def skip(offset):
    """Bytes of a WFDB SKIP: the code, then the offset's high and low half."""
    high, low = divmod(offset & 0xFFFFFFFF, 1 << 16)
    return b"".join(word.to_bytes(2, "little") for word in (59 << 10, high, low))


NORMAL, END = (1 << 10).to_bytes(2, "little"), bytes(2)


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        (None, ["--test", "qrs"], r"no \.qrs annotation files in .*; it has \.vgl"),
        (None, ["--ref", "htr"], r"no \.htr annotation files"),
        (None, ["--records", "100,999"], "no annotation file .*999"),
        (None, ["--records", "ds2"], "no annotation file"),
        (None, ["--records", " , "], "no record named"),
        (None, ["--records", "100", "--exclude", "100"], "excluded"),
        (None, ["--mapping", "mine"], "no AAMI mapping is called 'mine'"),
        (None, ["--window-ms", "-1"], "--window-ms must be 0 or more"),
        (None, ["--learning-s", "nan"], "--learning-s must be 0 or more"),
        (None, ["--csv", "/nowhere/out.csv"], "cannot be written"),
        (skip(900) + NORMAL + skip(-300) + NORMAL + END, [], "not in time order"),
        (skip(-300) + NORMAL + END, [], "negative sample"),
        (b"", [], "empty, truncated or not a WFDB annotation file"),
        (skip(900) + NORMAL, [], "no end mark"),
        (b"\xff" * 301 + END, [], "not a WFDB annotation file"),
    ],
)
def test_bad_input_is_named_and_exits_with_2(folders, capsys, change, options, says):
    if change is not None:
        (folders[1] / "100.vgl").write_bytes(change)
    assert evaluate(folders, *options) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert re.search(says, err), err


def test_folders_without_a_common_record_are_refused(tmp_path, capsys):
    write(tmp_path / "a", "100", "atr", [108_100], ["N"])
    write(tmp_path / "b", "101", "vgl", [108_100], ["N"])
    assert evaluate((tmp_path / "a", tmp_path / "b")) == 2
    assert "no record in common: 100 against 101" in capsys.readouterr().err


def test_a_folder_that_does_not_exist_is_refused(tmp_path, folders, capsys):
    assert evaluate((tmp_path / "none", folders[1])) == 2
    assert "reference folder" in capsys.readouterr().err


def test_help_ends_with_an_example(capsys):
    assert run(["evaluate", "--help"]) == 0
    assert "$ vigil evaluate mitdb scored" in capsys.readouterr().out
