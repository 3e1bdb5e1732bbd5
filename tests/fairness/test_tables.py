"""Tables are read whole or refused with the reason; nothing else comes out."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairness.build import build_cohort
from fairness.errors import AuditError
from fairness.tables import (
    PREDICTION_COLUMNS,
    check_predictions,
    check_subjects,
    numbers_of,
    read_table,
    text_of,
)
from tests.fairness.cohorts import declaration, predictions, subjects


def test_csv_and_parquet_give_the_same(tmp_path: Path) -> None:
    table = predictions()
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_parquet(tmp_path / "a.parquet")
    csv, parquet = (check_predictions(read_table(tmp_path / f"a.{e}")) for e in ("csv", "parquet"))
    pd.testing.assert_frame_equal(csv, parquet)


def test_names_that_look_like_numbers_keep_their_zeros(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("patient,truth,prediction\n007,1,1\n7,0,0\n")
    assert check_predictions(read_table(tmp_path / "a.csv"))["patient"].tolist() == ["007", "7"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", b"patient", "a .csv or a .parquet"),
        ("a.csv", None, "cannot be read"),
        ("a.csv", b"", "cannot be read"),
        ("a.csv", b"\xff\xfe\x00", "cannot be read"),
        ("a.csv", b"patient,patient\n1,2\n", "named twice"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "cannot be read"),
        ("a.parquet", b"no parquet", "cannot be read"),
        ("a.parquet", None, "cannot be read"),
    ],
)
def test_files_that_are_no_tables_are_refused(
    tmp_path: Path, name: str, content: bytes | None, told: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AuditError, match=told):
        read_table(path)


def changed(column: str, value: Any, row: int = 0) -> pd.DataFrame:
    table = predictions().astype(object)
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (predictions().drop(columns="patient"), "no column patient; there are: unit, truth"),
        (predictions().drop(columns="truth"), "no column truth"),
        (predictions().drop(columns="prediction"), "no column prediction"),
        (predictions().assign(sex="F"), "unknown column sex; allowed are patient, condition"),
        (predictions().iloc[:0], "no rows"),
        (changed("truth", 2), "truth must be 0 or 1, not 2"),
        (changed("truth", "yes"), "truth must be a finite number, not 'yes'"),
        (changed("truth", None), "row 0 has no truth"),
        (changed("prediction", 0.5), "prediction must be 0 or 1, not 0.5"),
        (changed("score", np.nan, 3), "row 3 of condition all has no score, others have"),
        (changed("score", 1.5), "score must be 0 to 1, not 1.5"),
        (changed("score", np.inf), "score must be a finite number"),
        (changed("patient", " "), "row 0 has no patient"),
        (predictions().assign(delay_s=-1.0), "delay_s must not be negative"),
        (predictions().assign(delay_s=1.0), "row 0 has a delay_s, but not truth 1"),
        (predictions().assign(unit="u"), "unit u of patient p0, condition all, has more than one"),
        (predictions().assign(excluded=3), "excluded must be 0 or 1"),
        (predictions().assign(time_s="noon"), "time_s must be a finite number, not 'noon'"),
    ],
)
def test_bad_predictions_are_refused_by_name(table: pd.DataFrame, told: str) -> None:
    with pytest.raises(AuditError, match=told):
        check_predictions(table)


def test_the_threshold_calls_where_nothing_was_called() -> None:
    table = predictions().drop(columns="prediction")
    called = check_predictions(table, threshold=0.5)["prediction"]
    assert called.tolist() == (table["score"] >= 0.5).tolist()
    kept = check_predictions(predictions(), threshold=0.5)["prediction"]
    assert kept.tolist() == (predictions()["prediction"] == 1).tolist()


def test_excluded_rows_may_lack_everything_but_their_patient() -> None:
    table = changed("truth", None).assign(excluded=0)
    table.loc[0, ["prediction", "score", "excluded"]] = [None, None, 1]
    checked = check_predictions(table)
    assert checked["excluded"].tolist() == [True] + [False] * 23


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", "1.0", "True", np.int8(1)])
def test_every_spelling_of_a_flag_is_read(value: Any) -> None:
    assert check_predictions(changed("truth", value))["truth"].tolist()[0] is True


def test_repeated_subjects_count_once_and_contradictions_are_named() -> None:
    twice = pd.concat([subjects(), subjects().iloc[:2]])
    kept, repeated = check_subjects(twice, ("sex", "age"))
    assert (len(kept), repeated) == (6, 2)
    twice.iloc[-1, 1] = "X"
    with pytest.raises(AuditError, match="patient p1 is there more than once, with sex 'F', 'X'"):
        check_subjects(twice, ("sex", "age"))


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (subjects().drop(columns="patient"), "no column patient"),
        (subjects().drop(columns="sex"), "no column sex; there are: patient, age, monitored_h"),
        (subjects().iloc[:0], "no rows"),
        (subjects().assign(monitored_h=0), "monitored_h must be above 0, not 0"),
        (subjects().assign(monitored_h="long"), "monitored_h must be a finite number"),
    ],
)
def test_bad_subjects_are_refused_by_name(table: pd.DataFrame, told: str) -> None:
    with pytest.raises(AuditError, match=told):
        check_subjects(table, ("sex",))


cell = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.floats(), st.text(max_size=3), st.just("1")
)
names = st.sampled_from([*PREDICTION_COLUMNS, "sex", "age", "monitored_h", "other"])


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Any table: its columns may be right, wrong or missing, its cells are anything."""
    columns = draw(st.lists(names, unique=True, max_size=8))
    rows = draw(st.integers(0, 6))
    likely = st.sampled_from(["0", "1", "p1", "p2"])
    return pd.DataFrame(
        {
            name: pd.Series(
                draw(st.lists(st.one_of(likely, cell), min_size=rows, max_size=rows)), dtype=object
            )
            for name in columns
        }
    )


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), tables())
def test_whatever_the_tables_hold_only_an_audit_error_comes(
    told: pd.DataFrame, people: pd.DataFrame
) -> None:
    for first, second in ((told, people), (predictions(), people), (told, subjects())):
        with suppress(AuditError):
            cohort = build_cohort(first, second, declaration(threshold=0.5))
            assert len(cohort.patients) >= 2


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["csv", "parquet"]))
def test_whatever_a_file_holds_only_an_audit_error_comes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("any") / f"a.{suffix}"
    path.write_bytes(content)
    with suppress(AuditError):
        check_predictions(read_table(path))


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(-99, 99))))
def test_numbers_survive_being_written_as_text(values: list[Any]) -> None:
    direct = numbers_of(pd.Series(values, dtype=object), "x")
    written = numbers_of(pd.Series(text_of(pd.Series(values, dtype=object)), dtype=object), "x")
    np.testing.assert_allclose(direct, written, rtol=1e-12)
