"""The devices of a large ward: frames at their times, thousands of streams from one process.

Frames are packed again and again into the same messages, of which only what changes is written:
one core can be the devices of ten thousand streams and still leave time for those that score.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Event

import numpy as np

from deploy.services.bench.workload import STREAMS_A_MESSAGE
from ingest import frame_pb2
from ingest.codec import VERSION
from ingest.frame_columns import INT16_LE
from ingest.kafka_sink import KafkaSink
from ingest.kafka_url import KafkaUrl
from ingest.recording import Recording

LAP_SHIFT_S = 7.3
"""How far two streams of one recording lie apart, s."""


@dataclass(frozen=True, slots=True)
class Devices:
    """What sends: so many streams, each of one lead, cut from recordings without end."""

    recordings: Sequence[Recording]
    """What is cut, all of one sampling frequency; the first lead of each."""
    n_streams: int
    """Streams."""
    frame_s: float
    """Length of a frame, s."""

    @property
    def n_samples(self) -> int:
        """Samples of a frame."""
        return round(self.frame_s * self.recordings[0].fs)

    @property
    def n_gateways(self) -> int:
        """Messages that one frame of every stream takes."""
        return -(-self.n_streams // STREAMS_A_MESSAGE)

    def phase_s(self, bed: int) -> float:
        """Tell how far into a frame's length those of this stream's gateway end, s."""
        return self.frame_s * (bed // STREAMS_A_MESSAGE) / self.n_gateways


class Gateway:
    """Streams whose frames go into one message."""

    def __init__(self, devices: Devices, number: int) -> None:
        first = number * STREAMS_A_MESSAGE
        beds = range(first, min(first + STREAMS_A_MESSAGE, devices.n_streams))
        self._batch = frame_pb2.FrameBatch(version=VERSION)
        self._n, self._n_bytes = devices.n_samples, 2 * devices.n_samples
        self._line: list[bytes] = []
        self._begin: list[int] = []
        for bed in beds:
            recording = devices.recordings[bed % len(devices.recordings)]
            lap = bed // len(devices.recordings)
            frame = self._batch.frames.add(
                stream_id=name_of(bed), session="0", fs=recording.fs, first_sample=0
            )
            lead = recording.leads[0]
            frame.leads.add(
                name=lead.name, unit=lead.unit, adc_gain=lead.adc_gain, baseline=lead.baseline
            )
            self._line.append(_ring(recording, self._n))
            self._begin.append(round(lap * LAP_SHIFT_S * recording.fs) % recording.n_samples)

    def message(self, step: int, start_unix_ns: int) -> bytes:
        """Pack one frame of each stream."""
        first = step * self._n
        for frame, line, begin in zip(self._batch.frames, self._line, self._begin, strict=True):
            n_ring = len(line) - self._n_bytes  # the ring's first frame stands behind its end too
            at = 2 * (begin + first) % n_ring
            frame.first_sample, frame.start_unix_ns = first, start_unix_ns
            frame.samples = line[at : at + self._n_bytes]
        return self._batch.SerializeToString()


def name_of(bed: int) -> str:
    """Name a stream."""
    return f"bed-{bed:06d}"


def _ring(recording: Recording, n: int) -> bytes:
    line = recording.samples[0].astype(INT16_LE)
    return np.concatenate([line, line[:n]]).tobytes()


def send(
    url: str, devices: Devices, begin_unix_s: float, n_steps: int, n_partitions: int, stop: Event
) -> None:
    """Send every gateway's frames at the moment at which their last sample is there.

    Parameters
    ----------
    url : str
        Topic of frames.
    devices : Devices
        What sends.
    begin_unix_s : float
        When the first sample of all streams of the first gateway is taken, UTC, s since 1970.
    n_steps : int
        Frames of each stream.
    n_partitions : int
        Partitions of the topic, among which the gateways are shared out evenly.
    stop : Event
        Ends it early.
    """
    gateways = [Gateway(devices, i) for i in range(devices.n_gateways)]
    sink, topic = KafkaSink(url), KafkaUrl.parse(url).topic
    for step in range(n_steps):
        for number, gateway in enumerate(gateways):
            begun_s = begin_unix_s + devices.phase_s(number * STREAMS_A_MESSAGE)
            begun_s += step * devices.frame_s
            message = gateway.message(step, round(begun_s * 1e9))
            time.sleep(max(0.0, begun_s + devices.frame_s - time.time()))
            sink.write_to(topic, f"gateway-{number}", message, number % n_partitions)
            if stop.is_set():
                break
    sink.close()
