"""The command ``vigil replay``: records to Kafka as live streams."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.progress import progress_bar
from deploy.services.replay import cycle_recordings, replay_to
from deploy.settings import load_settings
from deploy.tracing.start import make_tracing, traced_frames
from ingest.errors import InputError
from ingest.kafka import BrokerError, KafkaSink
from ingest.kafka_topics import require_topics
from ingest.kafka_url import KafkaUrl
from ingest.recording import Recording
from ingest.wfdb_replay import ReplaySource, open_recording, record_name


def replay(
    records: Annotated[
        list[str], typer.Argument(help="WFDB records (with or without .hea), EDF or BDF files.")
    ],
    *,
    to: Annotated[str, typer.Option(help="Topic to send to, kafka://HOST:PORT/TOPIC.")],
    speed: Annotated[str, typer.Option(help="Times real time, or max.")] = "1",
    patients: Annotated[
        int | None,
        typer.Option(help="Streams to send, going round the records; else one a record."),
    ] = None,
    chunk_s: Annotated[float, typer.Option(help="Length of a frame, s.")] = 1.0,
    frames_per_message: Annotated[
        int, typer.Option(help="Frames of one stream in one Kafka record.")
    ] = 1,
    start: Annotated[
        str, typer.Option(help="UTC time of the first sample: record (its own), now, or ISO 8601.")
    ] = "record",
    leads: Annotated[
        str | None, typer.Option(help="Leads to send, with commas; else all of the fastest ECG.")
    ] = None,
    session: Annotated[str, typer.Option(help="Session of all the streams.")] = "0",
    config: Annotated[
        Path | None, typer.Option(help="Settings, TOML, of which [kafka.security] is used.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object at the end.")] = False,
) -> None:
    """Send records to Kafka as live streams.

    A stream's id and key is its record's name; with --patients more than there
    are records, further rounds are NAME-2, NAME-3 and so on. The last frame of a
    stream says so.

    Examples
    --------
    $ vigil replay mitdb/100 mitdb/208 --to kafka://127.0.0.1:9092/ecg.frames --patients 50
    $ vigil replay mitdb/100 --to kafka://127.0.0.1:9092/ecg.frames --speed max
    """
    if patients is not None and patients < 1:
        raise InputError(f"--patients must be 1 or more, not {patients}")
    if frames_per_message < 1:
        raise InputError(f"--frames-per-message must be 1 or more, not {frames_per_message}")
    chosen = None if leads is None else [lead.strip() for lead in leads.split(",")]
    streams = cycle_recordings(_open(records, chosen), patients)
    source = ReplaySource(
        streams,
        speed=_speed(speed),
        chunk_s=chunk_s,
        session=session,
        start_unix_ns=start_unix_ns(start),
    )
    signal_s = sum(recording.duration_s for recording in streams.values())
    try:
        settings = load_settings(config)
        options = settings.kafka.security.options()
        require_topics([], options, writes=[to])
        tracing = make_tracing(settings.tracing, "vigil-replay")
        plain = KafkaSink(to, options=options)
        sink = traced_frames(plain, KafkaUrl.parse(to).topic, tracing, "replay send")
        try:
            with progress_bar("replaying", signal_s, quiet=as_json) as advance:
                n_messages = replay_to(
                    source, sink, frames_per_message=frames_per_message, advance=advance
                )
        finally:
            sink.close()
            if tracing is not None:
                tracing.close()
    except BrokerError as error:
        raise InputError(f"{error}; nothing more was sent") from error
    told = {"streams": len(streams), "signal_s": round(signal_s, 3), "messages": n_messages}
    typer.echo(
        json.dumps(told)
        if as_json
        else f"{told['streams']} streams, {signal_s / 60:.1f} minutes of signal, "
        f"{n_messages} messages to {to}"
    )


def _open(records: Sequence[str], leads: Sequence[str] | None) -> dict[str, Recording]:
    """Open records by name; refuse two of one name."""
    counts = Counter(record_name(record) for record in records)
    clashing = [name for name, count in counts.items() if count > 1]
    if clashing:
        raise InputError(f"two records are named {clashing[0]!r}: streams need different ids")
    return {record_name(record): open_recording(record, leads) for record in records}


def _speed(text: str) -> float | None:
    """Read ``--speed``; None is as fast as possible."""
    if text == "max":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"--speed must be a number or max, not {text!r}") from error


def start_unix_ns(text: str) -> int | None:
    """Read ``--start``, ns since 1970; None is the record's own.

    Raises
    ------
    InputError
        If it is neither ``record`` nor ``now`` nor a time.

    Examples
    --------
    >>> start_unix_ns("1970-01-01T00:00:01.5Z"), start_unix_ns("record")
    (1500000000, None)
    """
    if text == "record":
        return None
    if text == "now":
        return time.time_ns()
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"--start must be record, now or ISO 8601, not {text!r}") from error
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1) * 1000
