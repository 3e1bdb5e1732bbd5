"""Alarms of numerics in FHIR and HL7: valid, and in words that tell what was not as forecast."""

from __future__ import annotations

import json

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from deploy.interop import fhir_r4, hl7_v2
from inference.numeric_streams import NumericStreams
from inference.results import Results
from ingest.sequence_types import End
from tests.inference.numerics import adu, chunk, rendered, restless


@pytest.fixture(scope="module")
def alarms() -> list[dict[str, object]]:
    results, samples = Results(), adu(restless(0, n_s=300))
    end = End("n0", "0", samples.shape[1])
    NumericStreams().push([chunk("n0", samples, begins=True), end], results)
    return [json.loads(each) for each in rendered(results.alarms)["n0"]]


def test_bundles_are_valid_and_tell_what_was_not_as_forecast(alarms: list[dict]) -> None:
    told = set()
    for alarm in alarms:
        read = get_fhir_model_class("Bundle").model_validate(fhir_r4.bundle(alarm, None))
        told.add(read.entry[-1].resource.detail)

    assert any("unusual numerics raised" in text and "SpO2" in text for text in told)
    assert any("lost numerics raised" in text and "PULSE gone" in text for text in told)
    assert all("limits" not in text for text in told)


def test_messages_are_valid(alarms: list[dict]) -> None:
    for alarm in alarms:
        written = hl7_v2.message(alarm).replace("ORU^R40^ORU_R40", "ORU^R01^ORU_R01")

        assert parse_message(written, validation_level=VALIDATION_LEVEL.STRICT).validate()
