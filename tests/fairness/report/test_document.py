"""The JSON document: it fits its schema, comes back whole, and what does not fit is named."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import fairness.result
from fairness.errors import AuditError
from fairness.report.document import dump_result, from_dict, load_result, to_dict
from fairness.result import AuditResult, Estimate
from tests.fairness.report.audits import SCENARIOS, draw

SCHEMA = json.loads(
    (Path(fairness.result.__file__).parent / "audit.schema.json").read_text(encoding="utf-8")
)
EVERY = pytest.mark.parametrize("name", SCENARIOS)


def fields(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


@EVERY
def test_a_document_fits_the_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(to_dict(draw(name)), SCHEMA)


@EVERY
def test_an_audit_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    path.write_text(dump_result(draw(name)), encoding="utf-8")
    again = load_result(path)
    same = repr(again) == repr(draw(name))  # as nan is unlike itself
    assert same
    assert dump_result(again) == path.read_text(encoding="utf-8")


def test_whole_and_numpy_numbers_are_written_as_what_they_are_read_as() -> None:
    result = draw("pass")
    first = dataclasses.replace(
        result.metrics[0], numerator=3, denominator=np.float32(4), patients=np.int64(5)
    )
    document = to_dict(dataclasses.replace(result, metrics=(first,)))
    assert json.dumps(document["metrics"][0]["denominator"]) == "4.0"
    assert from_dict(document).metrics[0].numerator == 3.0
    assert from_dict(json.loads(json.dumps(document))).metrics[0].patients == 5


def test_the_schema_names_every_field_and_no_other() -> None:
    assert set(SCHEMA["properties"]) == fields(AuditResult) | {"schema"}
    for name, part in SCHEMA["$defs"].items():
        kind = getattr(fairness.result, name)
        assert set(part["properties"]) == fields(kind)
        assert part["additionalProperties"] is False
        assert set(part["required"]) >= {
            f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING
        }
        assert all(field.get("description") for field in part["properties"].values())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null_and_comes_back_as_nan(value: float) -> None:
    result = draw("pass")
    first = dataclasses.replace(result.metrics[0], estimate=Estimate(value, 0.0, value))
    document = to_dict(dataclasses.replace(result, metrics=(first,)))
    assert document["metrics"][0]["estimate"] == {"value": None, "low": 0.0, "high": None}
    assert math.isnan(from_dict(document).metrics[0].estimate.value)


def test_a_whole_number_where_any_number_may_stand_is_read_as_one() -> None:
    document = to_dict(draw("pass"))
    document["comparisons"][0]["margin"] = 1
    assert from_dict(document).comparisons[0].margin == 1.0


def test_fields_with_defaults_may_be_missing() -> None:
    document = to_dict(draw("pass"))
    del document["limits"], document["provenance"]["data"]
    assert from_dict(document).limits == ()
    assert from_dict(document).provenance.data == ""


SPOILT: dict[str, tuple[tuple[str | int, ...], Any, str]] = {
    "another form": (("schema",), "vigil.audit/9", '"schema": "vigil.audit/1"'),
    "a verdict": (("verdict",), "maybe", "audit.verdict: 'maybe' is none of pass, fail, insuff"),
    "a number": (("metrics", 0, "estimate", "low"), "1", r"metrics\[0\].estimate.low: float is"),
    "a count": (("cohort", 1, "patients"), 1.5, r"cohort\[1\].patients: int is wanted, not 1.5"),
    "a truth": (("comparisons", 0, "primary"), 1, r"comparisons\[0\].primary: bool is wanted"),
    "a count as a truth": (("cohort", 0, "units"), True, r"cohort\[0\].units: int is wanted"),
    "a list": (("reasons",), "words", "audit.reasons: a list is wanted, not 'words'"),
    "an object": (("provenance",), [], "audit.provenance: an object is wanted"),
    "a declaration": (("declaration",), [], "audit.declaration: dict is wanted"),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_does_not_fit_is_refused_by_name_and_by_the_schema(spoilt: str) -> None:
    way, value, message = SPOILT[spoilt]
    document = to_dict(draw("pass"))
    at: Any = document
    for step in way[:-1]:
        at = at[step]
    at[way[-1]] = value
    with pytest.raises(AuditError, match=message):
        from_dict(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_missing_and_unknown_fields_are_named() -> None:
    document = to_dict(draw("pass"))
    less = copy.deepcopy(document)
    del less["comparisons"][0]["margin"]
    with pytest.raises(AuditError, match=r"audit.comparisons\[0\]: no margin"):
        from_dict(less)
    with pytest.raises(AuditError, match=r"audit: unknown luck; known: title, verdict"):
        from_dict(document | {"luck": 1})


@pytest.mark.parametrize("text", ["", "{", "[]", '"words"', "null", "\udcff"])
def test_a_file_that_holds_no_audit_is_refused_by_its_path(text: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(AuditError, match=r"audit .*audit\.json: "):
        load_result(path)
    with pytest.raises(AuditError, match=r"missing\.json"):
        load_result(tmp_path / "missing.json")
