"""Patients stay on one side of a split."""

import pytest

from ingest.errors import InputError
from training.splits import DS1, DS2, PACED, patient_of, require_disjoint


def patients(records: tuple[str, ...]) -> list[str]:
    return [patient_of("mitdb", record) for record in records]


def test_the_parts_are_those_of_de_chazal() -> None:
    assert (len(DS1), len(DS2), len(PACED)) == (22, 22, 4)
    assert len({*DS1, *DS2, *PACED}) == 48


def test_201_and_202_are_one_person_only_in_mitdb() -> None:
    assert patient_of("mitdb", "202") == patient_of("mitdb", "201")
    assert patient_of("svdb", "202") != patient_of("svdb", "201")


def test_an_overlap_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="patient mitdb/201 is in both 'DS1' and 'DS2'"):
        require_disjoint({"DS1": patients(DS1), "DS2": patients(DS2)})


def test_a_declared_overlap_is_let_pass_and_no_other() -> None:
    require_disjoint({"DS1": patients(DS1), "DS2": patients(DS2)}, known=["mitdb/201"])
    with pytest.raises(InputError, match="patient b is in both"):
        require_disjoint({"one": ["a", "b"], "other": ["a", "b"]}, known=["a"])


def test_a_patient_may_have_several_records_on_one_side() -> None:
    require_disjoint({"one": patients(("201", "202")), "other": patients(("100",))})
