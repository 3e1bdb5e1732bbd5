"""What ``vigil archive list`` and ``read`` print."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import typer

from inference.stream_clock import rfc3339
from ingest.archive import Archive, Stretch
from ingest.archive.schema import FRAMES
from ingest.errors import InputError
from ingest.frames import MISSING_ADU


def list_archive(opened: Archive, files_of: str | None, *, as_json: bool) -> None:
    """Print what there is of each stream, or the files of a table, a line each."""
    if files_of is not None:
        paths = opened.paths(files_of)
        typer.echo(json.dumps(paths) if as_json else "\n".join(paths), nl=as_json or bool(paths))
        return
    for each in opened.streams():
        begin, end = rfc3339(each.begin_unix_ns), rfc3339(each.end_unix_ns)
        if as_json:
            told = {"stream_id": each.stream_id, "begin": begin, "end": end,
                    "sessions": each.sessions, "frames": each.frames,
                    "signal_s": round(each.signal_s, 3)}  # fmt: skip
            typer.echo(json.dumps(told))
        else:
            typer.echo(
                f"{each.stream_id}  {begin} to {end}  {each.signal_s / 3600:.3f} h of signal, "
                f"{each.frames} frames, {each.sessions} sessions"
            )


def read_archive(
    opened: Archive,
    stream: str,
    table: str,
    when: tuple[int | None, int | None],
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Print one stream's messages, or tell of its signal and write it.

    Raises
    ------
    InputError
        If there is nothing, or it cannot be written.
    """
    if table != FRAMES:
        for body in opened.messages(table, stream, *when):
            typer.echo(body.decode("utf-8", "backslashreplace"))
        return
    found = opened.stretch(stream, *when)
    if not found:
        raise InputError(f"the archive has no signal of {stream!r} then")
    for stretch in found:
        told = _told(stretch)
        if as_json:
            typer.echo(json.dumps(told))
        else:
            leads = ", ".join(
                f"{lead['name']} {lead['min']:g} to {lead['max']:g} {lead['unit']}"
                for lead in told["leads"]
            )
            typer.echo(
                f"{told['begin']}  session {told['session']!r} samples {told['first_sample']} to "
                f"{told['end_sample']} at {told['fs']:g} Hz, {told['missing']} missing: {leads}"
            )
    if out is not None:
        _write_csv(found, out)


def _told(stretch: Stretch) -> dict[str, Any]:
    """Return what is told of one stretch."""
    recording = stretch.recording
    leads = []
    for lead, row in zip(recording.leads, recording.samples, strict=True):
        heard = row[row != MISSING_ADU].astype(np.float64)
        if not len(heard):
            heard = np.array([np.nan])
        values = (heard - lead.baseline) / lead.adc_gain
        leads.append({
            "name": lead.name, "unit": lead.unit,
            "min": round(float(values.min()), 4), "max": round(float(values.max()), 4),
        })  # fmt: skip
    return {
        "begin": rfc3339(recording.start_unix_ns),
        "session": stretch.session,
        "first_sample": stretch.first_sample,
        "end_sample": stretch.end_sample,
        "fs": recording.fs,
        "missing": int((recording.samples == MISSING_ADU).sum()),
        "leads": leads,
    }


def _write_csv(found: list[Stretch], out: Path) -> None:
    """Write signal as session, sample index, and physical values; nothing where it is missing."""
    names = [lead.name for lead in found[0].recording.leads]
    if any([lead.name for lead in each.recording.leads] != names for each in found):
        raise InputError("the leads change within the stretch: read a shorter one, or export it")
    try:
        with out.open("w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["session", "sample", *names])
            for stretch in found:
                recording = stretch.recording
                for i, column in enumerate(recording.samples.T.tolist()):
                    values = [
                        "" if adu == MISSING_ADU else (adu - lead.baseline) / lead.adc_gain
                        for adu, lead in zip(column, recording.leads, strict=True)
                    ]
                    lines.writerow([stretch.session, stretch.first_sample + i, *values])
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from error
