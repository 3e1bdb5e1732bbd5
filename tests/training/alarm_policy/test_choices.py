"""What a policy may decide about: never what is lethal."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest

from inference.annunciation.wire import command_schema
from inference.conditions import CONDITIONS, LETHAL, Code, Kind, Priority, condition_by_name
from inference.limits import Limits
from ingest.errors import InputError
from training.alarm_policy import choices
from training.alarm_policy.__main__ import main
from training.alarm_policy.choices import (
    CHOICES,
    DECIDED,
    DEFAULT,
    ON_THE_WAY,
    STEPS,
    Choice,
    require_free,
    require_harmless,
)
from training.alarm_policy.proposal import Proposal, approve

BARRED = [
    row for row in CONDITIONS
    if row.code in (*LETHAL, *ON_THE_WAY) or row.priority is Priority.HIGH
    or row.kind is Kind.TECHNICAL
]  # fmt: skip


@pytest.mark.parametrize("row", BARRED, ids=lambda row: row.name)
def test_nothing_lethal_urgent_or_technical_can_be_named_delayed_or_redefined(row) -> None:
    assert row.code not in DECIDED
    with pytest.raises(InputError, match=f"may not decide about {row.name}; allowed: "):
        require_harmless([row.name])
    assert {choice.delay_of(row.name) for choice in CHOICES} == {0.0}
    for key in row.limit_keys:
        with pytest.raises(InputError, match=f"limit {key} defines .*may not change it"):
            require_free([key])


def test_every_choice_leaves_the_definitions_of_lethal_conditions_alone() -> None:
    usual = dataclasses.asdict(Limits())
    for choice in CHOICES:
        changed = {k for k, v in dataclasses.asdict(choice.limits).items() if v != usual[k]}
        assert changed == set(STEPS[choice.step])
        assert not changed & {key for row in BARRED for key in row.limit_keys}
    assert CHOICES[DEFAULT] == Choice(5.0, "usual")


def test_a_step_that_would_redefine_asystole_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(choices.STEPS, "quieter", {"asystole_s": 6.0})
    with pytest.raises(InputError, match="limit asystole_s defines asystole"):
        Choice(5.0, "quieter")


@pytest.mark.parametrize(("delay_s", "step"), [(60.0, "usual"), (5.0, "silent")])
def test_a_choice_that_is_none_is_refused(delay_s: float, step: str) -> None:
    with pytest.raises(InputError, match="allowed: "):
        Choice(delay_s, step)


def proposal(folder: Path, **changes: object) -> Path:
    told = Proposal("mitdb/207", Choice(20.0, "quieter"), 1.0, 2.0, 6).as_json() | changes
    path = folder / "proposal.json"
    path.write_text(json.dumps(told))
    return path


def test_an_approved_proposal_is_a_command_with_a_name_and_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = proposal(tmp_path)

    main(["--approve", str(path), "--stream", "p1", "--who", "charge nurse", "--why", "ectopy"])

    out = capsys.readouterr()
    command = json.loads(out.out)
    jsonschema.validate(command, command_schema())
    assert (command["who"], command["why"]) == ("charge nurse", "ectopy")
    assert command["limits"] == STEPS["quieter"]
    assert "20 s" in out.err


def test_a_proposal_is_no_command_and_needs_somebody(tmp_path: Path) -> None:
    path = proposal(tmp_path)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(path.read_text()), command_schema())
    with pytest.raises(InputError, match="approved by somebody, for a reason"):
        approve(path, "p1", " ", "ectopy")
    with pytest.raises(InputError, match="approved by somebody, for a reason"):
        approve(path, "p1", "nurse", "")


def test_a_proposal_that_was_tampered_with_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="limit vt_beats defines"):
        approve(proposal(tmp_path, limits={"vt_beats": 9}), "p1", "nurse", "ectopy")
    with pytest.raises(InputError, match="delay 59 s"):
        approve(proposal(tmp_path, delay_s=59), "p1", "nurse", "ectopy")
    with pytest.raises(InputError, match="is no proposal"):
        approve(proposal(tmp_path, schema="other"), "p1", "nurse", "ectopy")
    with pytest.raises(InputError, match="cannot read"):
        approve(tmp_path / "absent", "p1", "nurse", "ectopy")


def test_low_priority_alone_is_delayed() -> None:
    assert condition_by_name("tachycardia").code is Code.TACHYCARDIA
    choice = Choice(45.0, "quieter")
    for code in DECIDED:
        row = CONDITIONS[code]
        wanted = 45.0 if row.priority is Priority.LOW else 0.0
        assert choice.delay_of(row.name) == wanted
