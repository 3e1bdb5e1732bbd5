"""The table of a card and the log of looks at DS2, on figures made up: DS2 is not looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inference import model
from ingest.errors import InputError
from training import assess
from training.assess import BEGIN, COHORTS, END, log_look, table, write_card
from training.splits import DS2, PACED


def row(cohort: str, *, f1: float | None = 91.234, records: int = 22) -> dict[str, Any]:
    rate = {"se": 90.5, "ppv": None if f1 is None else 92.0, "f1": f1}
    kinds = ("qrs", "veb", "sveb")
    return {
        "cohort": cohort,
        "records": records,
        "patients": 21,
        "gross": dict.fromkeys(kinds, rate),
        "average": {kind: {"se": 80.0, "ppv": 70.0} for kind in kinds},
        "interval_f1": dict.fromkeys(kinds, None if f1 is None else [88.88, 93.0]),
        "timing": {"median_ms": 4.0, "p95_ms": 20.0},
    }


def test_a_table_gives_gross_and_mean_and_an_interval() -> None:
    lines = table([row("mitdb DS2")], ("veb",)).splitlines()
    assert lines[0] == "| records | n | VEB Se / +P | VEB F1 [95 %] | VEB mean Se / +P |"
    assert lines[1] == "|---|---|---|---|---|"
    assert lines[2] == (
        "| mitdb DS2 | 22 of 21 patients | 90.50 / 92.00 | 91.23 [88.9, 93.0] | 80.00 / 70.00 |"
    )


def test_what_is_not_defined_is_a_dash() -> None:
    assert "| 90.50 / – | – | 80.00 / 70.00 |" in table([row("x", f1=None)], ("qrs",))


def test_every_kind_has_its_columns() -> None:
    lines = table([row("x"), row("y")], ("veb", "sveb")).splitlines()
    assert {line.count("|") for line in lines} == {9}
    assert len(lines) == 4


def test_a_look_adds_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "EVALUATIONS.md"
    log.write_text("# Looks\n")
    monkeypatch.setattr(assess, "LOG", log)

    for why in ("first", "second"):
        log_look([row("svdb"), row("mitdb DS2", f1=12.341)], why)

    lines = log.read_text().splitlines()
    assert len(lines) == 3
    when, digests, *scores, why = (cell.strip() for cell in lines[1].strip("|").split("|"))
    assert len(when) == len("2025-01-01 00:00")
    assert scores == ["12.34"] * 3
    assert why == "first"
    shipped = [model.load(model.builtin(name))[1].digest[:12] for name in ("qrs", "beat")]
    assert digests.split() == shipped


def test_the_figures_of_a_card_are_replaced_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = model.builtin("qrs")
    (tmp_path / "qrs.onnx").write_bytes(shipped.read_bytes())
    monkeypatch.setattr(model, "builtin", lambda name: tmp_path / f"{name}.onnx")
    card = tmp_path / "qrs.md"
    card.write_text(f"# Card\n{BEGIN}\nold\n{END}\nbelow\n")
    rows = [row("mitdb, all 48", records=48), row("mitdb DS2")]

    for _ in range(2):
        write_card("qrs", rows, ("qrs",))

    text = card.read_text()
    assert text.startswith(f"# Card\n{BEGIN}\nModel `qrs`")
    assert text.endswith(f"{END}\nbelow\n")
    assert "old" not in text
    assert text.count("| mitdb, all 48 |") == 1
    assert "median error 4.0 ms, 95th percentile 20.0 ms" in text
    write_card("qrs", rows, ("veb",))
    assert "all 48" not in card.read_text(), "paced records stand among beat classes"


def test_a_card_without_a_place_for_figures_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "qrs.onnx").write_bytes(model.builtin("qrs").read_bytes())
    monkeypatch.setattr(model, "builtin", lambda name: tmp_path / f"{name}.onnx")
    (tmp_path / "qrs.md").write_text("# Card\n")
    with pytest.raises(InputError, match=r"qrs\.md has no place for figures"):
        write_card("qrs", [row("mitdb DS2")], ("qrs",))


def test_cohorts_tell_ds2_with_and_without_the_shared_person() -> None:
    by_name = {cohort.name: cohort.records for cohort in COHORTS}
    assert by_name["mitdb DS2"] == DS2
    assert set(DS2) - set(by_name["mitdb DS2 without 202"]) == {"202"}
    assert not any({*PACED} & {*records} for records in by_name.values())
