"""The arithmetic of a plan: from what was measured on one core to what so many patients need."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ingest.errors import InputError

MIB, GIB, TIB = 2**20, 2**30, 2**40
HOURS_A_MONTH = 730.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, on the machine that the benchmarks describe."""

    patients_a_core: float
    """Patients that one worker keeps up with, by the clock, through Kafka in transactions."""
    state_bytes: float
    """State of one stream in a worker, bytes; a snapshot of it is at most so large."""
    frame_bytes: float
    """One second of one patient as it goes over the wire, compressed, bytes."""
    alarm_bytes: float
    """One change of an alarm, bytes."""
    alarms_an_hour: float
    """Changes of alarms of one patient in an hour."""
    worker_bytes: float
    """Memory of a worker without patients, bytes."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a site decides or knows; the defaults are Vigil's, to be replaced by its own."""

    utilisation: float = 0.5
    """Share of a core's patients that a worker is given in ordinary times."""
    zones: int = 3
    """Places that fail independently; each holds the same share of workers and brokers."""
    replication: int = 3
    """Copies of every record."""
    retention_h: float = 24.0
    """How long frames stay in Kafka, h."""
    snapshot_s: float = 60.0
    """Each stream's state is written so often, s: what a worker that takes over scores again."""
    streams_a_partition: int = 500
    """Streams that share a partition, and move together."""
    broker_bytes_s: float = 60 * MIB
    """What a broker writes in ordinary times, copies included, bytes/s."""
    broker_partitions: int = 4000
    """Partitions on a broker, copies included."""
    broker_disk_bytes: float = 8 * TIB
    """Disk of a broker, bytes, filled to three quarters."""
    core_hour: float = 0.04
    """Price of a core for an hour, in any currency."""
    broker_hour: float = 0.40
    """Price of a broker for an hour, its disk not counted."""
    gib_month: float = 0.08
    """Price of a GiB of disk for a month."""
    gib_between_zones: float = 0.01
    """Price of a GiB that crosses from one zone to another."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What so many patients need."""

    patients: int
    """Patients monitored at once, one lead each."""
    workers: int
    """Worker processes, one a core."""
    partitions: int
    """Partitions of the frames' topic, and of the snapshots'."""
    brokers: int
    """Kafka brokers."""
    in_bytes_s: float
    """Frames that come in, bytes/s."""
    snapshot_bytes_s: float
    """Snapshots that workers write, bytes/s."""
    alarm_bytes_s: float
    """Alarms, bytes/s."""
    written_bytes_s: float
    """What all brokers write, copies included, bytes/s."""
    between_zones_bytes_s: float
    """What crosses from one zone to another, bytes/s."""
    disk_bytes: float
    """What the retention holds, copies included, bytes."""
    worker_bytes: float
    """Memory of one worker that has taken on a lost zone's share, bytes."""
    month: float
    """Price of a month, in the currency of the prices."""


def plan(patients: int, measured: Measured, assumed: Assumed) -> Plan:
    """Work out what so many patients need.

    Parameters
    ----------
    patients : int
        Patients monitored at once.
    measured : Measured
        Figures of one core.
    assumed : Assumed
        What the site decides.

    Raises
    ------
    InputError
        If there are no patients, or workers could not carry a lost zone's share.
    """
    _check(patients, assumed)
    workers = _whole_zones(patients / (measured.patients_a_core * assumed.utilisation), assumed)
    partitions = max(workers, math.ceil(patients / assumed.streams_a_partition))
    incoming = patients * measured.frame_bytes
    snapshots = patients * measured.state_bytes / assumed.snapshot_s
    alarms = patients * measured.alarms_an_hour / 3600 * measured.alarm_bytes
    written = assumed.replication * (incoming + snapshots + alarms)
    # The compacted topic holds each stream's last state and what is not yet cleaned: twice.
    kept = (incoming + alarms) * assumed.retention_h * 3600 + 2 * patients * measured.state_bytes
    disk = assumed.replication * kept
    brokers = _whole_zones(
        max(
            written / assumed.broker_bytes_s,
            2 * partitions * assumed.replication / assumed.broker_partitions,
            disk / (0.75 * assumed.broker_disk_bytes),
        ),
        assumed,
    )
    # Copies go to the other zones; so do those frames and states whose leader is not next door.
    away = 1 - 1 / assumed.zones
    between = (assumed.replication - 1) * (incoming + snapshots + alarms)
    between += away * (2 * incoming + snapshots + alarms)
    most_patients = patients / workers / away
    month = HOURS_A_MONTH * (workers * assumed.core_hour + brokers * assumed.broker_hour)
    month += disk / GIB * assumed.gib_month
    month += between * HOURS_A_MONTH * 3600 / GIB * assumed.gib_between_zones
    return Plan(
        patients=patients,
        workers=workers,
        partitions=partitions,
        brokers=brokers,
        in_bytes_s=incoming,
        snapshot_bytes_s=snapshots,
        alarm_bytes_s=alarms,
        written_bytes_s=written,
        between_zones_bytes_s=between,
        disk_bytes=disk,
        worker_bytes=measured.worker_bytes + most_patients * measured.state_bytes,
        month=month,
    )


def _check(patients: int, assumed: Assumed) -> None:
    if patients < 1:
        raise InputError(f"patients must be 1 or more, not {patients}")
    if assumed.zones < 2:
        raise InputError(f"zones must be 2 or more, not {assumed.zones}: one alone cannot be lost")
    most = 1 - 1 / assumed.zones
    if not 0 < assumed.utilisation < most:
        raise InputError(
            f"utilisation must be above 0 and below {most:.2f}, not {assumed.utilisation}: "
            f"one of {assumed.zones} zones lost, the others carry its patients"
        )


def _whole_zones(least: float, assumed: Assumed) -> int:
    """Round up to the same number in each zone."""
    return math.ceil(least / assumed.zones) * assumed.zones
