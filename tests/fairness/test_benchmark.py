"""The benchmark measures what it says, on small tables here."""

from __future__ import annotations

from fairness.benchmark import measure, tables


def test_both_are_measured_and_fairlearns_time_is_scaled_up() -> None:
    found = measure(3000, 120, 200, 3)
    assert found["metrics"] == 18
    assert found["units"] >= 3000
    assert found["fairlearn_units"] < found["units"]
    assert found["fairlearn_scaled_s"] > found["labels_processor_s"] > 0
    assert found["ratio"] > 1


def test_the_tables_have_twelve_groups_and_very_unequal_patients() -> None:
    predictions, subjects = tables(20_000, 400, seed=2)
    assert subjects["sex"].nunique() + subjects["site"].nunique() == 8
    sizes = predictions["patient"].value_counts()
    assert sizes.max() > 8 * sizes.median()
