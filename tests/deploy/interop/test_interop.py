import json

import hl7
import numpy as np
import pytest
from fhir.resources.R4B import get_fhir_model_class
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message

from deploy.cli.main import run
from deploy.interop import fhir_r4, fhir_r6, hl7_v2, mdc
from deploy.interop.strip import cut_strip, sampled_data
from inference.conditions import CONDITIONS
from ingest.errors import InputError
from ingest.frames import MISSING_ADU, Lead
from ingest.recording import Recording
from tests.deploy.interop.alarms import some_alarms

ALARMS = some_alarms()
STATES = ["raised", "raised", "acknowledged", "ended", "ended", "raised", "raised", "latched",
          "cleared"]  # fmt: skip


def recording(fs=250.0):
    samples = np.arange(15_000, dtype=np.int16)[None] % 500
    samples[0, 1800] = MISSING_ADU
    return Recording("p1", fs, (Lead("II", "mV", 200.0, 100),), samples, 0)


def test_the_alarms_are_of_every_kind():
    assert sorted(a["state"] for a in ALARMS) == sorted(STATES)


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda a: f"{a['condition']}-{a['state']}")
@pytest.mark.parametrize("with_strip", [True, False])
def test_a_bundle_is_valid_fhir_and_says_what_the_alarm_says(alarm, with_strip):
    strip = cut_strip(alarm, recording()) if with_strip else None
    written = fhir_r4.bundle(alarm, strip)
    read = get_fhir_model_class("Bundle").model_validate(written)
    kinds = [entry.resource.get_resource_type() for entry in read.entry]
    wanted = (
        ["Device", "Observation", "DetectedIssue"] if with_strip else ["Device", "DetectedIssue"]
    )
    assert kinds == wanted
    issue = read.entry[-1].resource
    assert issue.severity == {"high": "high", "medium": "moderate", "low": "low"}[alarm["priority"]]
    assert issue.patient.identifier.value == "p1"
    assert issue.identifier[0].value == alarm["id"]
    assert (issue.identifiedPeriod.end is None) == (alarm["offset"] is None)
    assert bool(issue.mitigation) == bool(alarm["acknowledgement"])
    if with_strip:
        assert issue.evidence[0].detail[0].reference == read.entry[1].fullUrl
    assert written == fhir_r4.bundle(alarm, strip)


def test_the_strip_reads_back_to_the_signal():
    alarm, record = ALARMS[0], recording()
    strip = cut_strip(alarm, record)
    told = fhir_r4.observation(alarm, strip, "urn:uuid:x")["valueSampledData"]
    first = alarm["strip"]["first_sample"]
    assert (first, alarm["strip"]["n_samples"]) == (1750, 2500)
    values = told["data"].split()
    assert len(values) == 2500
    assert values[50] == "E"
    mv = [told["origin"]["value"] + told["factor"] * int(v) for v in values if v != "E"]
    raw = record.samples[0, 1750:4250]
    assert np.allclose(mv, (raw[raw != MISSING_ADU].astype(float) - 100) / 200)
    assert told["period"] == 4.0
    begin = fhir_r4.observation(alarm, strip, "urn:uuid:x")["effectiveDateTime"]
    assert begin == "2023-11-14T22:13:27.123456Z"


def test_what_the_record_does_not_have_is_refused():
    with pytest.raises(InputError, match=r"at 250.0 Hz, record p1 at 360.0 Hz"):
        cut_strip(ALARMS[0], recording(fs=360.0))
    late = {**ALARMS[0], "strip": {"first_sample": 20_000, "n_samples": 2500, "fs": 250.0}}
    with pytest.raises(InputError, match="ends before the alarm's strip"):
        cut_strip(late, recording())


def test_a_strip_at_the_end_of_a_record_is_as_long_as_the_record_has_it():
    late = {**ALARMS[0], "strip": {"first_sample": 14_000, "n_samples": 2500, "fs": 250.0}}
    assert len(sampled_data(cut_strip(late, recording())).split()) == 1000


BALLOT4 = {
    "resourceType", "identifier", "status", "priority", "code", "subject", "presence",
    "occurrencePeriod", "device", "acknowledged", "derivedFrom", "label", "signal",
}  # fmt: skip


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda a: f"{a['condition']}-{a['state']}")
def test_a_device_alert_has_elements_and_codes_of_the_ballot_only(alarm):
    found = fhir_r6.bundle(alarm, cut_strip(alarm, recording()))
    alert = found["entry"][-1]["resource"]
    assert set(alert) <= BALLOT4
    assert alert["status"] in ("in-progress", "completed")
    assert alert["priority"]["coding"][0]["code"] in ("high", "medium", "low")
    [signal] = alert["signal"]
    assert signal["presence"] in ("on", "latched", "off", "ack")
    assert alert["presence"] == (alarm["offset"] is None)
    assert alert["derivedFrom"][0]["observation"]["reference"] == found["entry"][1]["fullUrl"]


def as_r01(message):
    """HL7 2.6 gives R40 the structure of R01, under a name that hl7apy does not know."""
    return message.replace("ORU^R40^ORU_R40", "ORU^R01^ORU_R01")


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda a: f"{a['condition']}-{a['state']}")
def test_a_message_is_valid_hl7_and_says_what_the_alarm_says(alarm):
    written = hl7_v2.message(alarm)
    parsed = parse_message(as_r01(written), validation_level=VALIDATION_LEVEL.STRICT)
    assert parsed.validate()
    read = hl7.parse(written)
    facets = {str(obx[3][0][0]): str(obx[5]) for obx in read.segments("OBX")}
    assert facets["68482"] == {
        "latched": "latched",
        "raised": "active",
        "acknowledged": "active",
    }.get(alarm["state"], "inactive")
    assert facets["68484"] == {"high": "PH", "medium": "PM", "low": "PL"}[alarm["priority"]]
    assert facets["68485"] == {"physiological": "SP", "technical": "ST"}[alarm["kind"]]
    assert facets["68483"] == (
        "alert-acknowledged" if alarm["state"] == "acknowledged" else "enabled"
    )
    assert str(read.segment("MSH")[9]) == "ORU^R40^ORU_R40"
    assert [int(str(obx[1])) for obx in read.segments("OBX")] == list(range(1, len(facets) + 1))
    assert alarm["condition"] in facets["196616"]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("PV1||U", "PV1||"),
        ("|196616^MDC_EVT_ALARM^MDC|||2", "||||2"),
        ("|R|||20231114", "|R|||Tuesday "),
        ("MSH|", "MSH|^~\\&|x\rMSH|"),
    ],
)
def test_the_validator_would_notice(good, bad):
    broken = as_r01(hl7_v2.message(ALARMS[0])).replace(good, bad, 1)
    with pytest.raises((HL7apyException, ValueError)):
        parse_message(broken, validation_level=VALIDATION_LEVEL.STRICT).validate()


def test_text_cannot_break_out_of_its_field():
    [alarm] = some_alarms("a|b^c~d&e\\f\rOBX|9")[:1]
    read = hl7.parse(hl7_v2.message(alarm))
    assert [str(segment[0]) for segment in read] == ["MSH", "PID", "PV1", "OBR"] + ["OBX"] * 9
    assert "\\F\\" in str(read.segment("PID")[3])
    with pytest.raises(InputError, match="must be 1 to 20 printable characters"):
        hl7_v2.message(alarm, sender="A B")


def test_codes_are_the_nomenclatures_and_only_where_they_are_certain():
    assert mdc.EVENTS["asystole"].code == 199684
    assert mdc.ALARM.code == 196616
    assert mdc.LEADS["II"].code == 131330
    plain = {c.name for c in CONDITIONS} - set(mdc.EVENTS)
    for alarm in ALARMS:
        coding = fhir_r4.code(alarm)["coding"]
        assert [c["system"] for c in coding].count(mdc.SYSTEM) == (alarm["condition"] not in plain)
        event = hl7_v2.message(alarm).split("OBX|1|CWE|")[1].split("|")[2]
        assert event.endswith("^99VIGIL")
        assert ("^MDC^" in event) == (alarm["condition"] not in plain)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "p1.alarms.jsonl"
    path.write_text("".join(json.dumps(alarm) + "\n" for alarm in ALARMS))
    return path


def test_the_command_writes_one_bundle_a_line(file, tmp_path, capsys):
    out = tmp_path / "out.ndjson"
    assert run(["alarms", str(file), "--to", "fhir", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == out.stat().st_size
    bundles = [json.loads(line) for line in out.read_text().splitlines()]
    assert [b["identifier"]["value"].split(".")[1] for b in bundles] == [a["state"] for a in ALARMS]


def test_the_command_writes_messages_to_the_terminal(file, capsys):
    assert run(["alarms", str(file), "--to", "hl7"]) == 0
    assert capsys.readouterr().out.count("MSH|") == len(ALARMS)


@pytest.mark.parametrize(
    ("line", "told"),
    [("{}", "line 2 is no alarm of Vigil: it has no 'schema'"),
     ('{"schema": "vigil.beat/1"}', "is no alarm's"),
     ('{"schema": "vigil.alarm/1", "id": "x"}', "alarm 'x' lacks what fhir needs")],
)  # fmt: skip
def test_what_is_no_alarm_is_refused(file, line, told, capsys):
    file.write_text(json.dumps(ALARMS[0]) + f"\n{line}\n")
    assert run(["alarms", str(file), "--to", "fhir"]) == 2
    assert told in capsys.readouterr().err


def test_an_unknown_form_is_refused_with_those_that_exist(file, capsys):
    assert run(["alarms", str(file), "--to", "dicom"]) == 2
    assert "known are fhir, fhir-r6, hl7" in capsys.readouterr().err
