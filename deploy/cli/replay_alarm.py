"""The command ``vigil replay-alarm``: an alarm of the past, said again and compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.past.again import Outcome, first_difference, say_again
from deploy.past.in_force import course_of, of_alarm, read_in_force
from deploy.services.lines import past_lines
from deploy.shadow.stretch import ARCHIVE, KAFKA, read_stretch
from ingest.errors import InputError
from ingest.frames import Frame
from ingest.json_text import read_json

DIFFERENT = 1
"""Exit code where the bytes are not the same."""


def replay_alarm(
    alarm: Annotated[str, typer.Argument(help="Id of the alarm: 32 hex digits.")],
    *,
    alarms: Annotated[
        str, typer.Option(help="Where it stands: a file of JSON lines, kafka:// or archive:.")
    ],
    source: Annotated[
        str, typer.Option(help="Frames of its stream: a record, kafka:// or archive:.")
    ],
    in_force: Annotated[
        str | None,
        typer.Option(help="What was in force (kafka.topic_in_force), a topic or a file."),
    ] = None,
    models: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of models of the past, or a registry's. May be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Say a past alarm again, with the models and limits of that time, and compare the bytes.

    Its models are found by their digests, in the folders given and among those that ship.
    Limits, options and where scoring began are read from what was in force; without it all
    that the alarm does not tell is taken for the default. The stream is scored from where it
    was begun. The exit code is 0 where every byte of every change of the alarm is the same,
    else 1, with the first difference and what may explain it.

    Examples
    --------
    $ vigil replay-alarm 98f216a75bf9c4ca2a0497cefe66da2a --alarms 208.alarms.jsonl
      --source mitdb/208
    $ vigil replay-alarm 98f216a75bf9c4ca2a0497cefe66da2a --alarms archive:/srv/ecg
      --source archive:/srv/ecg --in-force kafka://127.0.0.1:9092/ecg.in-force --models registry
    """
    messages = [body for body in _messages(alarms, "alarms") if alarm.encode() in body]
    changes = [body.strip() for body in messages if read_json(body, "an alarm").get("id") == alarm]
    if not changes:
        raise InputError(f"there is no alarm {alarm} in {alarms}")
    first: dict[str, Any] = read_json(changes[0], "an alarm")
    stream, session, at = first["stream_id"], first["session"], first["decided"]["sample"]
    course = None
    if in_force is not None:
        known = (read_in_force(line) for line in _messages(in_force, "in force"))
        course = course_of(known, stream, session, at)
        if course is None:
            raise InputError(f"{in_force} does not tell what was in force for that stream")
    frames = _frames(source, stream, session)
    outcome = say_again(changes, course or of_alarm(first), frames, models or [])
    if as_json:
        typer.echo(json.dumps(told(outcome)))
    else:
        show(outcome)
    return 0 if outcome.is_same else DIFFERENT


def told(outcome: Outcome) -> dict[str, Any]:
    """Return what came of it as an object."""
    changes = [
        {"state": one.state, "same": one.is_same, "difference": difference(one.then, one.now)}
        for one in outcome.compared
    ]
    return {
        "same": outcome.is_same,
        "changes": changes,
        "others": list(outcome.others),
        "signal_s": round(outcome.signal_s, 3),
        "notes": list(outcome.notes),
    }


def show(outcome: Outcome) -> None:
    """Print what came of it."""
    for one in outcome.compared:
        why = difference(one.then, one.now)
        same = f"the same {len(one.then):,} bytes" if one.is_same else f"DIFFERENT: {why}"
        typer.echo(f"{one.state}: {same}")
    for other in outcome.others if not outcome.is_same else ():
        typer.echo(f"came instead: {other}")
    for note in outcome.notes:
        typer.echo(f"note: {note}")
    typer.echo(f"{outcome.signal_s:,.0f} s of signal were scored for it")


def difference(then: bytes, now: bytes | None) -> str | None:
    """Say where two messages differ first; None where they are the same."""
    if then == now:
        return None
    if now is None:
        return "it did not come"
    found = first_difference(read_json(then, "an alarm"), read_json(now, "an alarm"))
    return found or "the same content, written in another way"


def _messages(where: str, what: str) -> Iterator[bytes]:
    """Yield all messages that are there now: of a file, a topic or an archive's alarms."""
    if where.startswith(ARCHIVE):
        if what != "alarms":
            raise InputError(f"an archive does not hold what was {what}")
        from ingest.archive import Archive

        yield from Archive(where.removeprefix(ARCHIVE)).alarms()
        return
    yield from past_lines(where)


def _frames(source: str, stream: str, session: str) -> Iterable[Frame]:
    """Yield the frames of a stream; a record is taken for it, whatever its name."""
    if source.startswith((KAFKA, ARCHIVE)):
        for columns in read_stretch([source], streams=[stream]):
            yield from columns
        return
    for columns in read_stretch([source]):
        for frame in columns:
            yield replace(frame, stream_id=stream, session=session)
