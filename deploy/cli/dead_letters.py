"""The command ``vigil dead-letters``: what could not be read, and sending it again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.services.dead_letters import Choice, Found, read_letters, replay_letters
from deploy.settings import load_settings
from ingest.errors import InputError
from ingest.kafka_url import BrokerError

ACTIONS = ("list", "show", "replay")
SHOWN_BYTES = 512
"""How much of a message is shown."""


def dead_letters(
    action: Annotated[str, typer.Argument(help="list, show or replay.")],
    url: Annotated[str, typer.Argument(help="Topic of the letters, kafka://HOST:PORT/TOPIC.")],
    *,
    at: Annotated[
        str | None, typer.Option(help="One letter, PARTITION/OFFSET as list tells it.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Those of this reason.")] = None,
    topic: Annotated[str | None, typer.Option(help="Those that came from this topic.")] = None,
    since: Annotated[str | None, typer.Option(help="Those written since, ISO 8601.")] = None,
    to: Annotated[
        str | None, typer.Option(help="replay: send to this topic, not where they came from.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="replay: tell what would be sent, send nothing.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="show: write the message's bytes here.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings, TOML, of which [kafka.security] is used.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object a letter.")] = False,
) -> None:
    """Read what could not be read, and send it again once what was wrong is mended.

    list tells reason and place of each; show gives one with its bytes, which may be a
    patient's signal. replay sends letters under their keys to the topics that they came
    from; what was sent again is marked, so that a second replay sends nothing twice.

    Examples
    --------
    $ vigil dead-letters list kafka://127.0.0.1:9092/ecg.dead-letter --reason version
    $ vigil dead-letters show kafka://127.0.0.1:9092/ecg.dead-letter --at 0/17
    $ vigil dead-letters replay kafka://127.0.0.1:9092/ecg.dead-letter --reason version --dry-run
    """
    if action not in ACTIONS:
        raise InputError(f"{action!r} is unknown; known are {', '.join(ACTIONS)}")
    if (to is not None or dry_run) and action != "replay":
        raise InputError("--to and --dry-run are of replay")
    if action == "show" and at is None:
        raise InputError("show needs --at PARTITION/OFFSET")
    choice = Choice(_place(at), reason, topic, _since(since))
    options = load_settings(config).kafka.security.options()
    if action == "replay" and not dry_run:
        _replay(url, choice, to, options, as_json=as_json)
        return
    letters = read_letters(url, choice, options)
    if at is not None and not letters:
        raise InputError(f"there is no dead letter {at} on {url}")
    for found in letters:
        if action == "show":
            _show(found, out, as_json=as_json)
        elif action == "list" or not found.replayed:
            _tell(found, as_json=as_json)
    if not as_json and action != "show":
        typer.echo(f"{len(letters)} letters" + (", nothing was sent" if dry_run else ""))


def _replay(
    url: str, choice: Choice, to: str | None, options: dict[str, Any], *, as_json: bool
) -> None:
    try:
        n_sent, left = replay_letters(
            url, choice, to, options, done=lambda found: _tell(found, as_json=as_json)
        )
    except BrokerError as error:
        raise InputError(f"{error}; ask again, nothing is sent twice") from error
    for found, why in left:
        typer.echo(f"{found.partition}/{found.offset} left: {why}", err=True)
    if not as_json:
        typer.echo(f"{n_sent} sent again, {len(left)} left")


def _fields(found: Found) -> dict[str, Any]:
    """Return what list tells of one."""
    told: dict[str, Any] = {
        "at": f"{found.partition}/{found.offset}",
        "written": found.at.isoformat(timespec="seconds"),
        "replayed": found.replayed,
    }
    letter = found.letter
    if letter is None:
        return told | {"problem": found.problem}
    return told | {
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "key": letter.key.decode("utf-8", "backslashreplace"),
        "bytes": len(letter.payload),
    }


def _tell(found: Found, *, as_json: bool) -> None:
    told = _fields(found)
    if as_json:
        typer.echo(json.dumps(told))
        return
    marked = " (sent again)" if found.replayed else ""
    if found.letter is None:
        typer.echo(f"{told['at']}  {told['written']}  no letter: {found.problem}{marked}")
        return
    place = f"{told['topic'] or '-'} {told['partition']}/{told['offset']}"
    typer.echo(
        f"{told['at']}  {told['written']}  {told['reason']}  {place}  {told['bytes']} bytes  "
        f"{told['detail']}{marked}"
    )


def _show(found: Found, out: Path | None, *, as_json: bool) -> None:
    """Show one letter with its bytes."""
    payload = b"" if found.letter is None else found.letter.payload
    if out is not None:
        try:
            out.write_bytes(payload)
        except OSError as error:
            raise InputError(f"cannot write {out}: {error.strerror}") from error
    told = _fields(found)
    if as_json:
        typer.echo(json.dumps(told | {"hex": payload[:SHOWN_BYTES].hex()}))
        return
    for name, value in told.items():
        typer.echo(f"{name:10} {value}")
    for begin in range(0, min(len(payload), SHOWN_BYTES), 16):
        part = payload[begin : begin + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        typer.echo(f"{begin:06x}  {part.hex(' '):47}  {text}")


def _place(text: str | None) -> tuple[int, int] | None:
    """Read PARTITION/OFFSET."""
    if text is None:
        return None
    partition, _, offset = text.partition("/")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise InputError(f"--at must be PARTITION/OFFSET, such as 0/17, not {text!r}")
    return int(partition), int(offset)


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"--since must be ISO 8601, not {text!r}") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
