"""The command ``vigil alarms``: alarms in the forms of other systems."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.interop import fhir_r4, fhir_r6, hl7_v2
from deploy.interop.strip import Strip, cut_strip
from inference.alarm_json import canonical
from inference.alarm_transition import UNTOLD
from ingest.errors import InputError
from ingest.recording import Recording
from ingest.wfdb_replay import open_recording

Form = Callable[[Mapping[str, Any], Strip | None], bytes]

FORMS: dict[str, tuple[str, Form]] = {
    "fhir": ("ndjson", lambda alarm, strip: canonical(fhir_r4.bundle(alarm, strip)) + b"\n"),
    "fhir-r6": ("ndjson", lambda alarm, strip: canonical(fhir_r6.bundle(alarm, strip)) + b"\n"),
    "hl7": ("hl7", lambda alarm, _: hl7_v2.message(alarm).encode() + b"\n"),
}
"""Extension of the file, and what writes one change of an alarm."""


def alarms(
    file: Annotated[Path, typer.Argument(help="Alarms, as vigil score wrote them (.jsonl).")],
    *,
    to: Annotated[
        str, typer.Option(help="fhir (R4), fhir-r6 (the ballot's DeviceAlert) or hl7 (v2.6).")
    ],
    record: Annotated[
        str | None, typer.Option(help="Record that they are of: its strips go along (fhir).")
    ] = None,
    lead: Annotated[str | None, typer.Option(help="Lead of the strips; else the best.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; else to the terminal.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object at the end.")] = False,
) -> None:
    """Turn alarms into FHIR R4, the R6 ballot's DeviceAlert, or HL7 v2 ORU^R40.

    One Bundle a line (FHIR) or one message after the other (HL7), one for each
    change of an alarm; what pulses vetoed was never raised, and is left out.

    Examples
    --------
    $ vigil alarms scored/208.alarms.jsonl --to fhir --record mitdb/208 --out 208.ndjson
    $ vigil alarms scored/208.alarms.jsonl --to hl7
    """
    if to not in FORMS:
        raise InputError(f"--to {to!r} is unknown; known are {', '.join(FORMS)}")
    if as_json and out is None:
        raise InputError("--json needs --out")
    recording = None if record is None else open_recording(record)
    written = b"".join(_convert(alarm, to, recording, lead) for alarm in _read(file))
    if out is None:
        typer.echo(written.decode(), nl=False)
        return
    try:
        out.write_bytes(written)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}") from error
    if as_json:
        typer.echo(json.dumps({"file": str(out), "form": to, "bytes": len(written)}))


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            alarm = json.loads(line)
            known = str(alarm["schema"]).startswith("vigil.alarm/")
        except (ValueError, KeyError, TypeError) as error:
            why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise InputError(f"{file}, line {number} is no alarm of Vigil: {why}") from error
        if not known:
            raise InputError(f"{file}, line {number}: schema {alarm['schema']!r} is no alarm's")
        if alarm.get("state") not in UNTOLD:
            found.append(alarm)
    return found


def _convert(
    alarm: dict[str, Any], to: str, recording: Recording | None, lead: str | None
) -> bytes:
    strip = None if recording is None else cut_strip(alarm, recording, lead)
    try:
        return FORMS[to][1](alarm, strip)
    except (KeyError, TypeError) as error:
        raise InputError(f"alarm {alarm.get('id')!r} lacks what {to} needs: {error}") from error
