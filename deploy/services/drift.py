"""The watch for drift as a service: frames, beats, alarms and verdicts in, metrics and lines out.

All that it decides by is a file of patients' figures (``patients.jsonl``), a line each, which it
reads when it starts and adds to: a restart knows what was known. A stay that is open when it
stops begins anew.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.exposition import DriftCollector
from deploy.drift.page import page
from deploy.drift.patient import PatientFigures, read_patient
from deploy.drift.places import Place
from deploy.drift.reading import reading
from deploy.drift.stays import Stays
from deploy.drift.watch import Cell, DriftWatch
from deploy.http import HttpServer
from deploy.services.lines import Lines, open_lines
from ingest.errors import InputError
from ingest.json_text import read_json
from ingest.kafka import KafkaSource
from ingest.source import Source

logger = logging.getLogger(__name__)

PATIENTS, READING, PAGE = "patients.jsonl", "drift.json", "drift.html"
"""Files of the folder."""
GROUP = "vigil-drift"
"""Consumer group of the frames, unless another is named."""
POLL_S = 0.2
"""Longest wait for frames of one turn, s."""

Tell = Callable[[Cell], None]
"""Is told of every drift that is found."""


@dataclass(frozen=True, slots=True)
class DriftPaths:
    """Where everything comes from and goes to."""

    frames: str
    """Topic of frames, ``kafka://HOST:PORT/TOPIC``."""
    beats: str | None
    """Beats: a file of JSON lines or a topic; None: nothing is said of scores."""
    alarms: str | None
    """Alarms, the same way; None: nothing is said of the burden."""
    verdicts: str | None
    """Verdicts, the same way; None: nothing is said of calibration."""
    out: Path
    """Folder of patients' figures, reading and page."""


def open_watch(
    declaration: DriftDeclaration, patients: Path
) -> tuple[DriftWatch, list[PatientFigures]]:
    """Make a watch that knows the patients of a file, where there is one.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    watch = DriftWatch(declaration)
    if not patients.is_file():
        return watch, []
    try:
        lines = patients.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"cannot read {patients}: {error.strerror}") from error
    known = [read_patient(line) for line in lines if line.strip()]
    for patient in known:
        watch.add(patient)
    return watch, known


def write_reading(watch: DriftWatch, out: Path) -> dict[str, Any]:
    """Write a watch's reading as JSON and as a page; return it.

    Raises
    ------
    InputError
        If they cannot be written.
    """
    told = reading(watch)
    try:
        out.mkdir(parents=True, exist_ok=True)
        _replace(out / READING, json.dumps(told, indent=1) + "\n")
        _replace(out / PAGE, page(told))
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror}") from error
    return told


class DriftService:
    """One watch, its inputs and its HTTP side.

    Parameters
    ----------
    paths : DriftPaths
        Where everything is.
    declaration : DriftDeclaration
        What is watched.
    places : mapping of str to Place
        Site and device of streams.
    tell : callable
        Is told of every drift; those that were known at the start are not told again.
    http_port : int
        Port of ``/metrics`` and ``/healthz``; 0 takes a free one.
    group : str
        Consumer group of the frames.
    source : Source, optional
        Frames, in place of the topic.

    Raises
    ------
    InputError
        If an input cannot be opened or the folder not be used.
    """

    def __init__(
        self,
        paths: DriftPaths,
        declaration: DriftDeclaration,
        places: dict[str, Place],
        tell: Tell,
        http_port: int = 0,
        *,
        group: str = GROUP,
        source: Source | None = None,
    ) -> None:
        self._out, self._tell, self._stop = paths.out, tell, threading.Event()
        self._lock = threading.Lock()
        self.watch, known = open_watch(declaration, paths.out / PATIENTS)
        self.stays = Stays(
            declaration,
            places,
            {one.stream_id for one in known},
            waits_for_beats=paths.beats is not None,
        )
        with ExitStack() as opened:
            paths.out.mkdir(parents=True, exist_ok=True)
            self._kept = opened.enter_context((paths.out / PATIENTS).open("a", encoding="utf-8"))
            self._lines: list[tuple[Lines, Callable[[Any], None]]] = []
            takers = (
                (paths.beats, self.stays.beat_message),
                (paths.alarms, self.stays.alarm_message),
                (paths.verdicts, self.stays.verdict_message),
            )
            for where, take in takers:
                if where is not None:
                    lines = open_lines(where)
                    opened.callback(lines.close)
                    self._lines.append((lines, take))
            self._source = source or KafkaSource(paths.frames, group, options=_security())
            opened.callback(self._source.close)
            registry = CollectorRegistry()
            registry.register(DriftCollector(self.watch, self._lock))
            self._http = HttpServer(registry, port=http_port)
            opened.callback(self._http.stop)
            self._opened = opened.pop_all()

    @property
    def http_port(self) -> int:
        """Port of ``/metrics`` and ``/healthz``."""
        return self._http.port

    def stop(self) -> None:
        """Let :meth:`run` end; may be called by a signal's handler."""
        self._stop.set()

    def run(self) -> None:
        """Work until :meth:`stop` or the end of the frames, then write the reading."""
        self._http.start()
        ended = False
        try:
            while not (ended or self._stop.is_set()):
                ended = self.turn()
            if ended:
                self._read_all()
                self._take(self.stays.finish())
        finally:
            write_reading(self.watch, self._out)
            self._opened.close()

    def turn(self) -> bool:
        """Take what has come; return True where the frames have ended.

        Frames first: beats and alarms of a stream that was not heard are passed over.
        """
        batch = self._source.poll(POLL_S)
        self.stays.hear(batch.frames)
        for lines, take in self._lines:
            self._read(lines.poll(), take)
        self._take(self.stays.due())
        self._source.commit()
        return batch.end

    def _read_all(self) -> None:
        """Read lines until none come."""
        for lines, take in self._lines:
            while found := lines.poll():
                self._read(found, take)

    def _read(self, lines: Iterable[bytes], take: Callable[[Any], None]) -> None:
        """Take messages; what cannot be read is counted and passed over."""
        for line in lines:
            try:
                take(read_json(line, "a message"))
            except (InputError, KeyError, TypeError, ValueError, AttributeError) as error:
                self.watch.ignored["message that cannot be read"] += 1
                logger.warning("a message was passed over: %r", error)

    def _take(self, patients: list[PatientFigures]) -> None:
        """Keep patients' figures, durably, then let the watch see them."""
        if not patients:
            return
        for patient in patients:
            self._kept.write(patient.line() + "\n")
        self._kept.flush()
        os.fsync(self._kept.fileno())
        with self._lock:
            found = [cell for patient in patients for cell in self.watch.add(patient)]
        for cell in found:
            self._tell(cell)
        if found:
            write_reading(self.watch, self._out)


def _security() -> dict[str, Any]:
    """Return the settings of Kafka's security, as the environment says."""
    from deploy.settings import load_settings  # here: sources in memory need no settings

    return load_settings().kafka.security.options()


def _replace(path: Path, content: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(content, encoding="utf-8")
    part.replace(path)
