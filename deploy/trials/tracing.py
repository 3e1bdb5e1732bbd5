"""One frame's way to its alarm, traced through real processes: ``python -m deploy.trials.tracing``.

A device sends a heart that stops to a gateway, which sends to Apache Kafka, which a monitor reads
whose alarms a console hears; all of them send spans to a collector in this process.
``--page docs/tracing-example`` writes the trace of the alarm, drawn and as JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from deploy.console.hub import Hub
from deploy.console.topics import TopicFeed, Topics
from deploy.kafka.cluster import KafkaCluster
from deploy.settings import TracingSettings
from deploy.tracing.export import Tracing
from deploy.tracing.receiver import Receiver, ToldSpan
from deploy.tracing.worker import trace_shown
from deploy.trials.devices import LineDevice, Signal
from deploy.trials.fleet import WorkerProcess
from deploy.trials.gateway_process import GatewayProcess
from ingest.simulator import Script, asystole, simulate, sinus

FRAME_S = 0.5
"""Length of a frame, s."""
LIMIT_S = 120.0
"""Longest wait for a step, s."""
TOPICS = ("frames", "alarms", "dead")


@dataclass(slots=True)
class Outcome:
    """What the collector was told."""

    spans: list[ToldSpan] = field(default_factory=list)
    """All spans."""
    received: bytes = b""
    """All that was sent to it."""

    def chain(self, condition: str) -> list[ToldSpan]:
        """Return the spans from a frame to the first alarm of a condition, by their begin."""
        wanted = {"vigil.condition": condition, "vigil.state": "raised"}
        alarms = [s for s in self.spans if wanted.items() <= s.values.items()]
        found = [s for a in alarms[:1] for s in self.spans if _belongs(s, a)]
        return sorted(found, key=lambda s: (s.begin_ns, -s.end_ns))


def _belongs(span: ToldSpan, alarm: ToldSpan) -> bool:
    """Tell whether a span is an alarm, what it comes from, or what comes of it."""
    return alarm.span in (span.span, span.parent) or span.span == alarm.parent


def run(
    cluster: KafkaCluster, folder: Path, *, stream: str = "bed-7", pace: float | None = None
) -> Outcome:
    """Send, score and hear until the alarm is shown.

    Parameters
    ----------
    cluster : KafkaCluster
        Kafka that runs.
    folder : Path
        Where logs and stores go.
    stream : str
        What the device calls its stream.
    pace : float, optional
        Seconds of signal a second; None: as fast as it goes.
    """
    names = {kind: f"traced.{folder.name}.{kind}" for kind in TOPICS}
    for name in names.values():
        cluster.create_topic(name)
    urls = {kind: cluster.url(name) for kind, name in names.items()}
    with ExitStack() as opened:
        receiver = opened.enter_context(Receiver())
        tracing = f'[tracing]\nendpoint = "{receiver.endpoint}"\nsample = 1.0\n'
        monitor, gateway = _processes(cluster, folder, names, tracing)
        opened.callback(gateway.stop)
        opened.callback(monitor.stop)
        hub = Hub()
        own = Tracing(TracingSettings(endpoint=receiver.endpoint), "vigil-console")
        opened.callback(own.close)
        topics = Topics(urls["frames"], urls["alarms"])
        feed = TopicFeed(topics, hub, told=partial(trace_shown, own))
        opened.callback(feed.close)
        monitor.wait_ready(LIMIT_S)
        outcome = Outcome()
        try:
            _send(gateway, feed, hub, stream, pace)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; {monitor.log.read_text()[-2000:]}") from None
        until_s = time.monotonic() + LIMIT_S
        while not any(s.name == "console tell" for s in outcome.spans):
            if time.monotonic() > until_s:
                raise TimeoutError(f"no span of the console: {monitor.log.read_text()[-2000:]}")
            feed.turn()
            outcome.spans = list(receiver.spans)
        monitor.stop()  # sends what is left
        gateway.stop()
        outcome.spans, outcome.received = list(receiver.spans), receiver.received
    return outcome


def _processes(
    cluster: KafkaCluster, folder: Path, names: dict[str, str], tracing: str
) -> tuple[WorkerProcess, GatewayProcess]:
    """Start a monitor and a gateway that trace."""
    config = folder / "monitor.toml"
    lines = [f'topic_{kind} = "{names[name]}"' for kind, name in
             (("in", "frames"), ("out", "alarms"), ("dead", "dead"))]  # fmt: skip
    lines += [f'servers = "{cluster.bootstrap}"', f'group = "{folder.name}"']
    config.write_text("[kafka]\n" + "\n".join(lines) + "\n" + tracing)
    monitor = WorkerProcess("monitor", config, folder)
    monitor.start()
    settings = folder / "gateway.toml"
    settings.write_text(f'[gateway]\nname = "ward-3"\n[local]\nalarms = "never"\n{tracing}')
    words = ["--to", cluster.url(names["frames"]), "--config", str(settings)]
    gateway = GatewayProcess(folder, words)
    gateway.start()
    return monitor, gateway


def _send(
    gateway: GatewayProcess, feed: TopicFeed, hub: Hub, stream: str, pace: float | None
) -> None:
    """Let a device send a heart that stops, until the console has heard of it."""
    script = Script(stream, (sinus(10), asystole(8), sinus(6)))
    record = simulate(script, 250.0, 24.0, seed=1)
    n_frames = round(24.0 / FRAME_S)
    device = LineDevice(Signal(stream, record.as_recording(), n_frames, FRAME_S), gateway.tcp_port)
    device.start()
    begun_s = time.monotonic()
    while not hub.counts["alarms"] or not device.done:
        passed_s = time.monotonic() - begun_s
        if passed_s > LIMIT_S + 24.0 / (pace or 24.0):
            device.stop()
            told = f"{device.acknowledged} of {n_frames} frames, {hub.counts}"
            raise TimeoutError(f"no alarm: {told}; {gateway.log.read_text()[-2000:]}")
        device.allowed = n_frames if pace is None else int(passed_s * pace / FRAME_S)
        feed.turn()


def draw(spans: list[ToldSpan], path: Path) -> None:
    """Draw a trace against time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    begin_ns = spans[0].begin_ns
    services = list(dict.fromkeys(s.service for s in spans))
    figure = Figure(figsize=(9, 0.45 * len(spans) + 1.2), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for row, span in enumerate(spans):
        left_ms, wide_ms = (span.begin_ns - begin_ns) / 1e6, (span.end_ns - span.begin_ns) / 1e6
        colour = f"C{services.index(span.service)}"
        axis.barh(row, max(wide_ms, 0.3), left=left_ms, height=0.6, color=colour)
        axis.annotate(
            f"{wide_ms:.1f} ms", (left_ms + wide_ms, row), (4, 0),
            textcoords="offset points", va="center", fontsize=8,
        )  # fmt: skip
    names = [f"{s.service.removeprefix('vigil-')}: {s.name}" for s in spans]
    axis.set_yticks(range(len(spans)), names)
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.set_xlabel("ms since the gateway had the frame on its way")
    axis.grid(axis="x", alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main() -> int:
    """Run it and write the page's parts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--page", type=Path, help="write PAGE.png and PAGE.json")
    parser.add_argument("--pace", type=float, default=1.0, help="seconds of signal a second")
    given = parser.parse_args()
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="vigil-trace-")))
        cluster = opened.enter_context(KafkaCluster(folder / "kafka"))
        outcome = run(cluster, folder, pace=given.pace)
    chain = outcome.chain("asystole")
    if given.page is not None:
        draw(chain, given.page.with_suffix(".png"))
        told = json.dumps([asdict(span) for span in chain], indent=1)
        given.page.with_suffix(".json").write_text(told + "\n")
    for span in chain:
        print(f"{span.service:14} {span.name:13} {(span.end_ns - span.begin_ns) / 1e6:8.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
