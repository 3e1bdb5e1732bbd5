"""Figures as tables: every column, dashes for what is not defined, sums that add up."""

from tests.training.assessment.rows import row
from training.assessment.tables import confusion_table, table


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


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_confusion_table_holds_every_beat_once() -> None:
    confusion = [[10 * r + c + 1 for c in range(7)] for r in range(7)]
    head, _, *body = (cells(line) for line in confusion_table(confusion).splitlines())
    counted = [
        int(cell.replace(",", ""))
        for line in body
        for name, cell in zip(head[1:-1], line[1:-1], strict=True)
        if cell
    ]
    no_beat_and_missed = sum(confusion[r][c] for r in (5, 6) for c in (5, 6))
    assert sum(counted) == sum(map(sum, confusion)) - no_beat_and_missed
    assert "other" in head


def test_fusion_beats_are_shown_as_they_are_called() -> None:
    confusion = [[0] * 7 for _ in range(7)]
    confusion[3] = [30, 0, 60, 0, 0, 8, 2]
    line = next(x for x in confusion_table(confusion).splitlines() if "**F**" in x)
    assert cells(line) == ["**F**", "30", "0", "60", "10", "0.0 %"]


def test_a_column_for_other_calls_stands_only_where_there_are_any() -> None:
    assert "other" not in confusion_table([[0] * 7 for _ in range(7)])
