"""``vigil demo``: several patients being monitored, live."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from deploy.services.console_side import ConsoleSide
    from deploy.services.demo import Demo
    from deploy.services.ward import Ward
    from deploy.services.ward_desk import WardDesk
    from deploy.terminal import AlarmLine, WardStats
    from ingest.source import Batch

Duration = Annotated[
    float | None, typer.Option(help="How long, s; without it until Ctrl-C.", min=1.0)
]
Speed = Annotated[float, typer.Option(help="Times real time.", min=0.1, max=1000.0)]


def demo(
    duration: Duration = None,
    speed: Speed = 1.0,
    patients: Annotated[int, typer.Option(help="How many patients.", min=1, max=256)] = 12,
    seed: Annotated[int, typer.Option(help="Seed of the simulated patients.")] = 0,
    headless: Annotated[bool, typer.Option(help="Draw nothing; print alarms as lines.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object at the end.")] = False,
    console: Annotated[
        bool | None,
        typer.Option(help="Serve the central station too; by default where a screen is drawn."),
    ] = None,
    port: Annotated[
        int, typer.Option(help="Port of the central station; 0 or one that is taken: a free one.")
    ] = 8344,
) -> None:
    """Watch several patients being monitored: a real excerpt beside simulated ones.

    Frames go through an in-process log into the very worker that serves Kafka.
    The excerpt is five minutes of MIT-BIH record 208; records of VIGIL_DATA or
    ../shared/data are shown too, where they are. Without --duration it runs
    until Ctrl-C (headless: 60 s). On a terminal a acknowledges the most urgent
    bed's alarms, p pauses the sound for two minutes or ends the pause. The address
    that is printed opens the central station in a browser on this machine.

    Examples
    --------
    $ vigil demo --speed 2
    $ vigil demo --headless --duration 20 --json
    $ vigil demo --patients 16 --console --headless --duration 600
    """
    from rich.console import Console

    from deploy.services.demo import Demo
    from deploy.services.demo_patients import demo_patients, owner_of
    from deploy.services.ward import Ward
    from deploy.services.ward_desk import WardDesk
    from deploy.terminal import Keys, WardDisplay, summary

    errors = Console(stderr=True, highlight=False)
    errors.print("starting: reading and simulating patients, loading models ...", style="dim")
    recordings, numerics, notes = demo_patients(patients, seed)
    for note in notes:
        errors.print(f"note: {note}", style="yellow", markup=False)
    beds = {name: str(bed + 1) for bed, name in enumerate(recordings)}
    quiet = headless or as_json
    beds |= {name: beds[owner_of(name)] for name in numerics}
    side = _console(beds, port) if console or (console is None and not quiet) else None
    ward = Ward({name: beds[name] for name in recordings}, owner_of)
    desk = WardDesk(beds, listen=None if side is None else side.hear)
    streams, see = recordings | numerics, _both(ward, side)
    running = Demo(streams, speed=speed, see=see, start_unix_ns=time.time_ns())
    title = "Vigil" if side is None else f"Vigil  {_attach(side, running, desk, errors)}"
    duration = 60.0 if quiet and duration is None else duration
    started_s = time.monotonic()
    running.start()
    shown = WardDisplay() if not quiet else WardDisplay(Console(quiet=True))
    with shown as display, Keys() as keys, suppress(KeyboardInterrupt):
        while duration is None or time.monotonic() - started_s < duration:
            running.turn()
            elapsed_s = time.monotonic() - started_s
            for key in "" if quiet else keys.read():
                desk.press(key, running.pipeline, running.alarms)
            if side is not None:
                side.take(running.beats, running.alarms, running.pipeline)
            told = desk.hear(running.alarms)
            lines = ward.take(running.beats, running.alarms, elapsed_s)
            if quiet and not as_json:
                for text in [*map(_in_words, lines), *told]:
                    errors.print(text, markup=False)
            if display.due():
                stats = _stats(running, ward, elapsed_s, speed)
                view = ward.view(running.pipeline, stats, note=desk.note("Ctrl-C ends"))
                display.show(replace(view, title=title))
    _stop(running, side)
    stats = _stats(running, ward, time.monotonic() - started_s, speed)
    if as_json:
        typer.echo(json.dumps(_report(running, ward)))
    else:
        Console().print(summary(ward.view(running.pipeline, stats)))


def _console(beds: dict[str, str], port: int) -> ConsoleSide:
    from deploy.services.console_side import ConsoleSide

    return ConsoleSide(beds, port=port)


def _attach(side: ConsoleSide, running: Demo, desk: WardDesk, errors: Console) -> str:
    """Let people see and command in the browser; tell the address."""
    side.attach(running, desk)
    errors.print(f"central station: {side.address}", markup=False, style="bold")
    return side.address


def _both(ward: Ward, side: ConsoleSide | None) -> Callable[[Batch], None]:
    """Show frames to the screen, and to the central station where there is one."""

    def see(batch: Batch) -> None:
        ward.see(batch)
        if side is not None:
            side.see(batch)

    return see


def _stop(running: Demo, side: ConsoleSide | None) -> None:
    running.stop()
    if side is not None:
        side.stop()


def _in_words(line: AlarmLine) -> str:
    return (
        f"{line.clock} {line.priority:6} bed {line.bed:>2} {line.patient}: "
        f"{line.condition} {line.change} {line.detail}"
    )


def _stats(running: Demo, ward: Ward, elapsed_s: float, speed: float) -> WardStats:
    from deploy.terminal import WardStats

    latency = running.latency_ms()
    tallies = ward.tallies.values()
    return WardStats(
        elapsed_s=elapsed_s,
        n_streams=len(running.pipeline.streams),
        signal_s=ward.signal_s,
        samples_per_s=ward.n_samples / max(elapsed_s, 1e-3),
        speed=speed,
        n_beats=sum(t.n_beats for t in tallies),
        n_alarms=sum(t.n_high + t.n_medium + t.n_low for t in tallies),
        latency_p50_ms=latency[0] if latency else None,
        latency_p99_ms=latency[1] if latency else None,
    )


def _report(running: Demo, ward: Ward) -> dict[str, Any]:
    """Say for machines what was shown."""
    latency = running.latency_ms()
    by_patient = {
        name: {
            "beats": tally.n_beats,
            "ventricular": tally.n_ventricular,
            "supraventricular": tally.n_supraventricular,
            "alarms": tally.n_high + tally.n_medium + tally.n_low,
            "conditions": list(tally.conditions),
        }
        for name, tally in ward.tallies.items()
    }
    return {
        "patients": len(by_patient),
        "signal_s": round(ward.signal_s, 3),
        "beats": sum(each["beats"] for each in by_patient.values()),
        "alarms": sum(each["alarms"] for each in by_patient.values()),
        "latency_ms": None
        if latency is None
        else {"p50": round(latency[0], 3), "p99": round(latency[1], 3)},
        "by_patient": by_patient,
    }
