"""The command ``vigil feedback``: what people said of alarms and beats, and labels made of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import InputError

if TYPE_CHECKING:
    from ingest.verdicts import Verdict

ACTIONS = ("list", "summary", "export")
QUIET_POLLS = 15
"""Polls without anything new after which a topic is read."""

logger = logging.getLogger(__name__)


def feedback(
    action: Annotated[str, typer.Argument(help="list, summary or export.")],
    source: Annotated[
        str, typer.Argument(help="Verdicts: a file of JSON lines, or kafka://HOST:PORT/TOPIC.")
    ],
    *,
    keys: Annotated[
        Path | None,
        typer.Option(help="Keys (vigil pseudonyms) that make ids of a console's account names."),
    ] = None,
    scored: Annotated[
        Path | None,
        typer.Option(help="export: folder that vigil score wrote of the streams' records."),
    ] = None,
    records: Annotated[
        Path | None, typer.Option(help="export: folder of these records; labels go there.")
    ] = None,
    least: Annotated[
        float, typer.Option(help="Least trust from which on an answer is a label.")
    ] = 0.85,
    as_json: Annotated[bool, typer.Option("--json", help="Print objects.")] = False,
) -> None:
    """Read verdicts, bring them to answers with a stated trust, and make labels of these.

    list prints each alarm and beat that was judged with its answer, trust and state; summary how
    much was said and how often people agree; export writes annotations (.fbk) beside records,
    which vigil train and vigil retrain learn from. Whatever cannot be read is told and left out;
    nothing is ever changed.

    Examples
    --------
    $ vigil feedback summary kafka://localhost:9092/ecg.feedback --keys keys.txt
    $ vigil feedback list feedback.jsonl --json
    $ vigil feedback export feedback.jsonl --scored scored --records ward
    """
    if action not in ACTIONS:
        raise InputError(f"{action!r} is unknown; known are {', '.join(ACTIONS)}")
    if (action == "export") != (scored is not None and records is not None):
        raise InputError("--scored and --records go with export, which needs both")
    from training.feedback.resolve import resolve
    from training.feedback.summary import summarise
    from training.feedback.trust import TrustPolicy

    policy = TrustPolicy(least=least)
    verdicts = list(_read(source, keys))
    if action == "summary":
        told = summarise(verdicts, policy)
        typer.echo(json.dumps(told) if as_json else _table(told))
        return
    answers = resolve(verdicts, policy)
    if action == "list":
        for one in answers:
            typer.echo(
                json.dumps(one.to_dict())
                if as_json
                else f"{one.stream_id} {one.condition or 'beat'} "
                f"{one.alarm_id or one.sample}: {one.answer}, trust {one.trust:.3f}, "
                f"{one.state.value}, {one.people} of {len(one.verdicts)} verdicts"
            )
        return
    from training.feedback.annotate import annotate

    for done in annotate(answers, scored or Path(), records or Path(), policy):
        counts = ", ".join(f"{n} {name}" for name, n in done.counts.items())
        typer.echo(json.dumps(done.to_dict()) if as_json else f"{done.file}: {counts}")


def _read(source: str, keys: Path | None) -> Iterator[Verdict]:
    """Read all verdicts that are there now."""
    from deploy.services.lines import open_lines
    from ingest.pseudonyms import read_keys
    from ingest.verdicts import VerdictReader

    reader = VerdictReader(None if keys is None else read_keys(keys))
    lines, quiet = open_lines(source, whole=True), 0
    try:
        while quiet < (QUIET_POLLS if "://" in source else 1):
            batch = lines.poll()
            quiet = 0 if batch else quiet + 1
            for line in batch:
                try:
                    yield reader.read(line)
                except InputError as error:
                    logger.warning("left out: %s", error)
    finally:
        lines.close()


def _table(told: dict[str, object]) -> str:
    """Write a summary for people."""
    lines = []
    for name, value in told.items():
        if isinstance(value, dict):
            lines.append(f"{name}:")
            lines += [f"  {key}: {_plain(each)}" for key, each in value.items()]
        else:
            lines.append(f"{name}: {value}")
    return "\n".join(lines)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    return str(value)
