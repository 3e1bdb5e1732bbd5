"""The gateway's trial: hours of signal while Kafka is away, the gateway killed all the time.

``python -m deploy.trials.gateway --records ../shared/data/mitdb --hours 6 --kills 300``

Devices send real records, faster than they were recorded, over the line protocol and
MQTT. Kafka is killed (SIGKILL), and the gateway is killed (SIGKILL) at random moments
while the hours of signal come in; Kafka is started again, and the gateway is killed as
often while what it stored goes out. At last Kafka is frozen (SIGSTOP) beyond the time-outs of the
uplink, and thawed. Then the topic is read as a worker reads it: the
SHA-256 of every stream must be that of what its device sent, with nothing missing.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.kafka.cluster import KafkaCluster
from deploy.mqtt.broker import MqttBroker
from deploy.trials.devices import Device, LineDevice, MqttDevice, Signal
from deploy.trials.gateway_process import GatewayProcess
from deploy.trials.gateway_reading import Reading, read_topic
from ingest.errors import InputError
from ingest.kafka_url import BrokerError, wait_for_server
from ingest.recording import Recording

logger = logging.getLogger(__name__)

TOPICS = ("ecg.frames", "ecg.gateway", "ecg.dead-letter")
"""Topics that a gateway writes to."""
EDGE_S = 60.0
"""Signal before the cut, again behind it, and once more while Kafka hangs, s."""
UPLINK_TIMEOUT_S = 4.0
"""Time after which the gateway takes Kafka for gone, s."""
PATIENCE_S = 300.0
"""A phase in which nothing goes on for so long has failed, s."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried."""

    hours: float = 6.0
    """Signal of each device that comes in while Kafka is away, h."""
    line_devices: int = 3
    """Devices that speak the line protocol."""
    mqtt_devices: int = 1
    """Devices that speak MQTT."""
    kills: int = 300
    """Times that the gateway is killed: half while Kafka is away, half behind it."""
    frame_s: float = 1.0
    """Length of a frame, s."""
    longest_life_s: float = 1.0
    """A gateway that listens is killed within this time, s."""
    seed: int = 1
    """Of the moments of the kills."""


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    plan: Plan
    """What was tried."""
    signal_h: float = 0.0
    """Signal sent by all devices together, h."""
    sent_frames: int = 0
    """Frames that the devices were to send."""
    device_sends: int = 0
    """Frames that they sent, repeats among them."""
    kills: int = 0
    """Times that the gateway was killed."""
    backlog_frames: int = 0
    """Frames stored when Kafka came back."""
    drain_s: float = 0.0
    """From Kafka's return to an empty store, the kills between included, s."""
    wall_s: float = 0.0
    """Whole trial, s."""
    topic_frames: int = 0
    """Frames in the topic, repeats among them."""
    repeats: int = 0
    """Frames that were in the topic twice, and dropped by the sequencer."""
    messages: dict[str, int] = field(default_factory=dict)
    """Messages in the topic: live, replay."""
    faults: list[str] = field(default_factory=list)
    """What was not as it should be."""


class Trial:
    """One run of the trial.

    Parameters
    ----------
    plan : Plan
        What is tried.
    recordings : sequence of Recording
        What devices send, going round.
    folder : Path
        Where everything is kept.
    cluster : KafkaCluster
        Kafka of one node, started; it is killed and started again.
    """

    def __init__(
        self, plan: Plan, recordings: Sequence[Recording], folder: Path, cluster: KafkaCluster
    ) -> None:
        self._plan, self._cluster = plan, cluster
        self._edge = max(1, round(EDGE_S / plan.frame_s))
        self._middle = max(1, round(plan.hours * 3600 / plan.frame_s))
        self._signals = [
            Signal(f"device-{i}", recordings[i % len(recordings)], 3 * self._edge + self._middle,
                   plan.frame_s)
            for i in range(plan.line_devices + plan.mqtt_devices)
        ]  # fmt: skip
        self._random = random.Random(plan.seed)
        self._broker = MqttBroker(folder / "mqtt")
        self._gateway = GatewayProcess(folder, self._words(folder))
        self._devices: list[Device] = []
        self.outcome = Outcome(plan)

    def run(self) -> Outcome:
        """Run it; what was wrong stands in the outcome's faults."""
        begun_s = time.monotonic()
        with ExitStack() as open_:
            open_.callback(self._gateway.kill)
            open_.enter_context(self._broker)
            self._gateway.start()
            # The broker keeps messages for a session that it knows, and for no other.
            self._until(lambda: self._metric("mqtt_up") == 1, "the MQTT session")
            self._start_devices()
            open_.callback(self._stop_devices)
            self._allow(self._edge)
            self._until(lambda: self._heard(self._edge) and self._empty(), "the first frames")
            node = self._cluster.nodes[1]
            node.kill()
            self._under_fire(self._plan.kills // 2, self._edge, self._edge + self._middle)
            self._until(lambda: self._heard(self._edge + self._middle), "the frames of the cut")
            self.outcome.backlog_frames = int(self._metric("stored_now_frames"))
            node.start()
            wait_for_server(self._cluster.bootstrap.split(","), 90)
            back_s = time.monotonic()
            whole = 2 * self._edge + self._middle
            kills = self._plan.kills - self._plan.kills // 2
            self._under_fire(kills, self._edge + self._middle, whole)
            self._until(lambda: self._heard(whole) and self._empty(), "the backlog")
            self.outcome.drain_s = time.monotonic() - back_s
            self._freeze(whole)
            if self._gateway.stop() != 0:
                self.outcome.faults.append("the gateway did not end well")
        self._judge(read_topic(self._cluster.url(TOPICS[0])))
        self.outcome.wall_s = time.monotonic() - begun_s
        return self.outcome

    def _freeze(self, from_frame: int) -> None:
        """Let Kafka hang, not refuse, beyond the uplink's time-outs, and then go on.

        What had been sent to it is taken then, late, beside what the gateway sends again.
        """
        node, failures = self._cluster.nodes[1], self._metric("uplink_failures_total")
        node.freeze()
        try:
            self._allow(from_frame + self._edge)
            self._until(lambda: self._heard(from_frame + self._edge), "the frames of the hang")
            self._until(
                lambda: self._metric("uplink_failures_total") > failures, "the uplink's time-out"
            )
        finally:
            node.thaw()
        self._until(self._empty, "what was sent into the hang")

    def _stop_devices(self) -> None:
        for device in self._devices:
            device.stop()

    def _words(self, folder: Path) -> list[str]:
        """Return the command line, and write the settings."""
        plan, config = self._plan, folder / "gateway.toml"
        per_device = sum(
            2 * signal.recording.samples.shape[0] * signal.n_samples * self._middle
            for signal in self._signals
        )
        # So slow that the backlog outlasts the kills: some of each of half of them.
        rate = max(20_000.0, per_device / max(1, plan.kills // 2) / plan.longest_life_s)
        config.write_text(
            f"[uplink]\nreplay_bytes_per_s = {rate}\ntimeout_s = {UPLINK_TIMEOUT_S}\n"
            "[local]\nalarms = 'never'\n[store]\nmax_hours = 48.0\n"
        )
        words = ["--config", str(config), "--to", self._cluster.url(TOPICS[0])]
        return [*words, "--mqtt", f"127.0.0.1:{self._broker.port}"]

    def _start_devices(self) -> None:
        n_lines = self._plan.line_devices
        for i, signal in enumerate(self._signals):
            device = (
                LineDevice(signal, self._gateway.tcp_port)
                if i < n_lines
                else MqttDevice(signal, self._broker.port)
            )
            self._devices.append(device)
            device.start()

    def _under_fire(self, kills: int, from_frame: int, to_frame: int) -> None:
        """Let devices send from frame to frame, the gateway killed so often on the way."""
        for i in range(kills):
            self._allow(from_frame + (to_frame - from_frame) * (i + 1) // (kills + 1))
            self._wait_for_listening()
            time.sleep(self._random.uniform(0, self._plan.longest_life_s))
            self._gateway.kill()
            self.outcome.kills += 1
            self._gateway.start()
        self._allow(to_frame)

    def _wait_for_listening(self) -> None:
        """Wait until the gateway listens, or, one time in four, kill it as it starts."""
        if self._random.random() < 0.25:
            return
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                wait_for_server([f"127.0.0.1:{self._gateway.tcp_port}"], 1)
            except BrokerError:
                continue
            return

    def _allow(self, n_frames: int) -> None:
        """Let devices send up to a frame."""
        for device in self._devices:
            device.allowed = n_frames

    def _metric(self, name: str) -> float:
        return self._gateway.metrics().get(f"vigil_gateway_{name}", -1.0)

    def _heard(self, n_frames: int) -> bool:
        """Tell whether all devices' frames up to one are durable in the gateway or beyond."""
        wanted_s = n_frames * self._plan.frame_s * len(self._devices)
        return abs(self._metric("signal_seconds") - wanted_s) < 0.01

    def _empty(self) -> bool:
        return self._metric("stored_now_frames") == 0

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition holds, as long as anything goes on."""
        seen, at_s = (0.0, 0.0), time.monotonic()
        while not condition():
            now = (self._metric("signal_seconds"), self._metric("stored_now_frames"))
            if now != seen:
                seen, at_s = now, time.monotonic()
            if not self._gateway.running or time.monotonic() - at_s > PATIENCE_S:
                log = self._gateway.log.read_text(errors="replace")[-3000:]
                raise InputError(f"{what} did not come: {seen}; the gateway's log ends:\n{log}")
            time.sleep(0.1)

    def _judge(self, reading: Reading) -> None:
        """Lay what was read beside what was sent."""
        outcome = self.outcome
        outcome.signal_h = sum(s.n_frames * s.frame_s for s in self._signals) / 3600
        outcome.sent_frames = sum(signal.n_frames for signal in self._signals)
        outcome.device_sends = sum(device.sent for device in self._devices)
        outcome.topic_frames, outcome.repeats = reading.frames, reading.repeats
        outcome.messages = dict(reading.messages)
        for signal in self._signals:
            heard = reading.streams.get(signal.stream_id)
            if heard is None:
                outcome.faults.append(f"{signal.stream_id} never came")
            elif heard.gap_samples or not heard.ended:
                outcome.faults.append(f"{signal.stream_id} misses {heard.gap_samples} samples")
            elif heard.digest != signal.digest():
                outcome.faults.append(f"{signal.stream_id} differs from what was sent")
        if outcome.topic_frames - outcome.repeats - reading.late != outcome.sent_frames:
            outcome.faults.append(f"{reading.frames} frames, {reading.repeats} repeats")


def run_trial(plan: Plan, recordings: Sequence[Recording]) -> Outcome:
    """Run the trial on a Kafka of its own.

    Raises
    ------
    InputError
        If Kafka or Mosquitto cannot be had, or nothing goes on for long.
    """
    with tempfile.TemporaryDirectory(prefix="vigil-gateway-") as name:
        folder = Path(name)
        with KafkaCluster(folder / "kafka") as cluster:
            for topic in TOPICS:
                cluster.create_topic(topic, 3)
            return Trial(plan, recordings, folder, cluster).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trial; return 0 where all arrived once and in order, else 1."""
    from deploy.trials.gateway_page import page
    from ingest.wfdb_replay import open_recording

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=Path, required=True, help="folder of WFDB records")
    parser.add_argument("--names", default="100,106,119,208", help="records, with commas")
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--line-devices", type=int, default=3)
    parser.add_argument("--mqtt-devices", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page", type=Path, help="Markdown page to be written")
    chosen = parser.parse_args(arguments)
    plan = Plan(
        chosen.hours, chosen.line_devices, chosen.mqtt_devices, chosen.kills, seed=chosen.seed
    )
    try:
        recordings = [open_recording(chosen.records / name) for name in chosen.names.split(",")]
        outcome = run_trial(plan, recordings)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(outcome)))
    if chosen.page is not None:
        chosen.page.write_text(page(outcome, chosen.names))
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
