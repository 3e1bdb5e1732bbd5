"""Inputs and signals as JSON: for the log, for Kafka and for whoever listens."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from inference.alarm_transition import TransitionKind
from inference.annunciation.inputs import COMMANDS, Change, Command, command_name
from inference.annunciation.signals import Signal
from ingest.errors import InputError
from ingest.json_text import read_json

COMMAND_SCHEMA = "vigil.command/1"
"""Name and version of a command's form, ``inference/command.schema.json``."""
MOST_COMMAND_BYTES = 1 << 14
"""Longest command, bytes."""
MOST_STREAM_ID_CHARS = 128
"""Longest stream id, as frames have it."""
SIGNAL_SCHEMA = "vigil.signal/1"
"""Name and version of a signal's form."""


def change_of_alarm(document: Mapping[str, Any]) -> tuple[str, Change]:
    """Read the change out of an alarm's JSON.

    Parameters
    ----------
    document : Mapping
        As :func:`inference.alarm_json.document` builds it.

    Returns
    -------
    tuple of str and Change
        The stream and the change.

    Raises
    ------
    InputError
        If it is no alarm.
    """
    try:
        by = (document.get("acknowledgement") or {}).get("by", "")
        kind = TransitionKind(document["state"])
        change = Change(str(document["condition"]), kind, str(document["id"]), str(by))
        return str(document["stream_id"]), change
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"this is no alarm of Vigil: {error}") from error


def given_to_dict(given: Change | Command) -> dict[str, Any]:
    """Write a change or a command as an object.

    Examples
    --------
    >>> from inference.annunciation.inputs import AudioPause
    >>> given_to_dict(AudioPause("nurse 7"))
    {'command': 'audio_pause', 'who': 'nurse 7', 'length_s': None}
    """
    keys = {f.name: getattr(given, f.name) for f in dataclasses.fields(given)}
    if isinstance(given, Change):
        return {"change": given.kind.value, **{k: v for k, v in keys.items() if k != "kind"}}
    return {
        "command": command_name(given),
        **{k: dict(v) if isinstance(v, Mapping) else v for k, v in keys.items()},
    }


def given_from_dict(values: Mapping[str, Any]) -> Change | Command:
    """Read what :func:`given_to_dict` wrote.

    Raises
    ------
    InputError
        If it is neither, naming the key that is wrong.

    Examples
    --------
    >>> given_from_dict({"command": "sing", "who": "nurse 7"})
    Traceback (most recent call last):
    ...
    ingest.errors.InputError: command 'sing' is unknown; known are acknowledge, audio_pause, ...
    """
    keys = dict(values)
    if "change" in keys:
        try:
            keys["kind"] = TransitionKind(keys.pop("change"))
        except ValueError as error:
            raise InputError(str(error)) from error
        return Change(**_checked(Change, keys))
    name = keys.pop("command", None)
    if not isinstance(name, str) or name not in COMMANDS:
        raise InputError(f"command {_shown(name)} is unknown; known are {', '.join(COMMANDS)}")
    made: Command = COMMANDS[name](**_checked(COMMANDS[name], keys))
    return made


def read_command(text: bytes | str) -> tuple[str, Command]:
    """Read a command for one stream, as it stands in Kafka.

    Returns
    -------
    tuple of str and Command
        The stream and the command.

    Raises
    ------
    InputError
        If it is not JSON, or not a command of this form.
    """
    values = read_json(text, "a command", MOST_COMMAND_BYTES)
    if not isinstance(values, dict) or values.pop("schema", None) != COMMAND_SCHEMA:
        raise InputError(f"a command must be an object with schema {COMMAND_SCHEMA!r}")
    stream_id = values.pop("stream_id", None)
    if not isinstance(stream_id, str) or not 0 < len(stream_id) <= MOST_STREAM_ID_CHARS:
        raise InputError(
            f"a command must name its stream_id, in 1 to {MOST_STREAM_ID_CHARS} characters"
        )
    if "command" not in values:
        raise InputError(f"a command must be named; known are {', '.join(COMMANDS)}")
    made = given_from_dict(values)
    if isinstance(made, Change):
        raise InputError("a command must not be a change of an alarm")
    return stream_id, made


def command_schema() -> dict[str, Any]:
    """Read the JSON Schema (2020-12) of a command."""
    text = files("inference").joinpath("command.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def signal_to_dict(signal: Signal) -> dict[str, Any]:
    """Write a signal as an object; enumerations as their words."""
    keys = dataclasses.asdict(signal)
    return {
        "schema": SIGNAL_SCHEMA,
        **keys,
        "kind": signal.kind.value,
        "priority": signal.priority and signal.priority.value,
    }


_WORD = re.compile(r"[a-z_]{1,24}")
_ALLOWED: dict[str, tuple[type, ...]] = {
    "who": (str,),
    "why": (str,),
    "condition": (str,),
    "alarm_id": (str,),
    "by": (str,),
    "kind": (TransitionKind,),
    "length_s": (int, float, type(None)),
    "limits": (dict,),
}


def _checked(made: type[Any], keys: dict[str, Any]) -> dict[str, Any]:
    """Refuse keys that do not exist, are missing, or hold the wrong kind of value."""
    fields = {f.name: f for f in dataclasses.fields(made)}
    for key, value in keys.items():
        if key not in fields:
            raise InputError(f"key {_shown(key)} is unknown; known are {', '.join(fields)}")
        if not isinstance(value, _ALLOWED[key]) or isinstance(value, bool):
            raise InputError(f"key {key!r} cannot be of type {type(value).__name__}")
    for name, each in fields.items():
        required = (
            each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        )
        if required and name not in keys:
            raise InputError(f"key {name!r} is missing")
    return keys


def _shown(value: object) -> str:
    """Return a wrong value for a message: a word that may be misspelt, else only what it is.

    Messages stand in logs, and what somebody put in a wrong place may name a patient.
    """
    if isinstance(value, str) and _WORD.fullmatch(value):
        return repr(value)
    size = f" of {len(value)}" if isinstance(value, str | list | dict) else ""
    return f"{type(value).__name__}{size}"
