"""The page of the gateway's trial, written by its command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.services.bench.machine import describe

if TYPE_CHECKING:
    from deploy.trials.gateway import Outcome

TEXT = """\
# The gateway's trial

Made by `python -m deploy.trials.gateway`, never by hand. {devices} devices send mitdb {records},
repeated, {hours:g} h each while Kafka is dead (SIGKILL), faster than they were recorded; the
gateway is killed (SIGKILL) at random moments, half of them while the signal comes in, half while it
goes out. At last Kafka hangs (SIGSTOP) beyond the uplink's time-outs while another minute of signal
comes in, and goes on. Then the topic is read as a worker reads it, and each stream's SHA-256 laid
beside that of what its device sent. What it shows, and what it does not, stands in the
[guide](gateway.md).

| | |
|---|---|
| devices | {lines} line protocol, {mqtt} MQTT 5 (Mosquitto) |
| signal sent | {signal_h:.1f} h in {sent_frames:,} frames of {frame_s:g} s |
| gateway killed | {kills} times |
| frames that devices sent, repeats among them | {device_sends:,} |
| stored when Kafka came back | {backlog_frames:,} frames |
| until all of it had gone, {kills_after} kills between | {drain_s:.0f} s, at a bounded rate |
| frames in the topic, repeats among them | {topic_frames:,} |
| repeats, dropped by every reader's sequencer | {repeats:,} |
| messages | {live:,} live, {replay:,} marked as replays |
| streams whole, in order, equal by SHA-256 | {whole} of {devices} |
| faults | {faults} |
| whole trial | {wall_s:.0f} s on {machine} |
"""


def page(outcome: Outcome, records: str) -> str:
    """Write the page.

    Parameters
    ----------
    outcome : Outcome
        What came of the trial.
    records : str
        Names of the records that were sent.
    """
    plan = outcome.plan
    n_devices = plan.line_devices + plan.mqtt_devices
    return TEXT.format(
        devices=n_devices,
        records=", ".join(records.split(",")),
        hours=plan.hours,
        lines=plan.line_devices,
        mqtt=plan.mqtt_devices,
        signal_h=outcome.signal_h,
        sent_frames=outcome.sent_frames,
        frame_s=plan.frame_s,
        kills=outcome.kills,
        device_sends=outcome.device_sends,
        backlog_frames=outcome.backlog_frames,
        kills_after=plan.kills - plan.kills // 2,
        drain_s=outcome.drain_s,
        topic_frames=outcome.topic_frames,
        repeats=outcome.repeats,
        live=outcome.messages.get("live", 0),
        replay=outcome.messages.get("replay", 0),
        whole=n_devices - sum(fault.startswith("device-") for fault in outcome.faults),
        faults="; ".join(outcome.faults) or "none",
        wall_s=outcome.wall_s,
        machine=describe(),
    )
