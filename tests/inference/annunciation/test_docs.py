"""The page about alarms says what the code does."""

import json
import tomllib
from pathlib import Path

import jsonschema

from deploy.settings import load_settings
from inference.annunciation import COMMANDS, Policy, read_command
from inference.annunciation.wire import command_schema
from inference.conditions import Priority

PAGE = (Path(__file__).parents[3] / "docs" / "alarms.md").read_text("utf-8")


def seconds(value):
    return "–" if value is None else f"{value:g} s"


def test_the_table_of_timings_is_the_policys():
    for priority in Priority:
        t = Policy().timings[priority]
        cells = (t.onset_delay_s, t.end_delay_s, t.refractory_s, t.reminder_s, t.escalation_s)
        assert f"| {priority.value} | {' | '.join(map(seconds, cells))} |" in PAGE


def test_every_command_is_told_and_the_example_is_one():
    for name in COMMANDS:
        assert f"`{name}`" in PAGE
    example = PAGE.split("```json\n")[1].split("```")[0]
    jsonschema.Draft202012Validator(command_schema()).validate(json.loads(example))
    assert read_command(example)[0] == "heron"


def test_the_example_of_settings_can_be_read(tmp_path):
    text = PAGE.split("```toml\n")[1].split("```")[0]
    (tmp_path / "vigil.toml").write_text(text)
    read = load_settings(tmp_path / "vigil.toml")
    assert read.annunciation.policy == tomllib.loads(text)["annunciation"]["policy"]
    assert Policy.from_dict(read.annunciation.policy).timings[Priority.LOW].reminder_s == 600
