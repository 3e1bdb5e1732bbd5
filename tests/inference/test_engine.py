"""ECG and numerics in one engine: what each gives alone, whatever moves, restarts or dies."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from functools import cache

import pytest

from inference.engine import Engine
from inference.keeper import Keeping
from inference.numeric_streams import NumericStreams
from inference.results import Results
from ingest.codec import encode
from ingest.errors import InputError
from ingest.frames import Frame, Lead
from ingest.memory import MemoryLog
from ingest.sequence import Sequencer
from ingest.sequence_types import Ordered
from ingest.wfdb_replay import frames
from tests.inference.crashes import (
    START_MS,
    CrashError,
    World,
    log_of,
    pipeline_of,
    ward_frames,
)
from tests.inference.numerics import quiet, recording, rendered, restless

ECG = ward_frames(2, duration_s=60.0)
NUMERICS = [
    list(frames(recording(restless(seed, n_s=170), name=f"n{seed}"), f"n{seed}", chunk_s=2.0))
    for seed in range(2)
]


@cache
def _numerics() -> NumericStreams:
    return NumericStreams()


def engine() -> Engine:
    """An engine that remembers nobody; opening models takes longer than all the rest."""
    made = Engine(pipeline_of(None), _numerics())
    made.numerics.forget(list(made.numerics.streams.slots()))
    return made


def ordered(streams: Iterable[Iterable[Frame]]) -> list[Ordered]:
    """What the sequencer gives of whole streams, one after another."""
    sequencer = Sequencer()
    return [item for stream in streams for frame in stream for item in sequencer.push(frame)]


def alarms(results: Results) -> dict[str, list[bytes]]:
    return rendered(results.alarms)


def test_together_each_gives_what_it_gives_alone() -> None:
    alone = Results()
    engine().numerics.push(ordered(NUMERICS), alone)  # type: ignore[arg-type]
    of_ecg = pipeline_of(None).push(ordered(ECG))

    both = engine().push(ordered([*ECG, *NUMERICS]))

    assert alarms(both) == alarms(of_ecg) | alarms(alone)
    assert sum(map(len, alarms(alone).values())) >= 4
    assert (both.n_ticks, both.n_steps) == (of_ecg.n_ticks, alone.n_steps)


def test_columns_of_many_streams_are_parted_too() -> None:
    wanted = alarms(engine().push(ordered([*ECG, *NUMERICS])))
    world = World(log_of([*ECG, *NUMERICS]))
    world.worker(scorer=engine(), most=50).run()

    for name, messages in wanted.items():
        published = [json.loads(each) for each in world.alarms.settled[name]]
        told = [json.loads(each) for each in messages]
        assert [(p["id"], p["state"]) for p in published] == [(t["id"], t["state"]) for t in told]
    of_numerics = json.loads(world.alarms.settled["n0"][0])
    assert of_numerics["model"]["name"] == "forecast"
    assert of_numerics["lead"] == of_numerics["anomaly"]["channel"]


def test_a_stream_that_becomes_another_kind_ends_as_what_it_was() -> None:
    first = [f for f in NUMERICS[0] if f.end_sample <= 130]
    then = [_as(frame, "n0", "1") for frame in ECG[0][:20]]
    last = [_as(frame, "n0", "2") for frame in NUMERICS[0][:20]]
    made = engine()

    changed = made.push(ordered([[*first, *then]]))

    states = [json.loads(each)["state"] for each in alarms(changed)["n0"]]
    assert states[-1] == "ended"
    assert (len(made.ecg.streams), len(made.numerics.streams)) == (1, 0)

    made = engine()
    made.push(ordered([[*first, *then, *last]]))
    assert (len(made.ecg.streams), len(made.numerics.streams)) == (0, 1)


def _as(frame: Frame, stream_id: str, session: str) -> Frame:
    return Frame(
        stream_id, session, frame.first_sample, frame.start_unix_ns, frame.fs, frame.leads,
        frame.samples,
    )  # fmt: skip


@pytest.mark.parametrize("names", [["n0", "heron"], ["n0"], ["heron"]])
def test_snapshots_of_either_kind_are_gone_on_from(names: list[str]) -> None:
    heron = [_as(frame, "heron", "0") for frame in ECG[0]]
    of = {"n0": ordered([NUMERICS[0]]), "heron": ordered([heron])}
    whole = engine().push([item for name in names for item in of[name]])
    made, found = engine(), Results()
    found.alarms += made.push([item for name in names for item in of[name][:60]]).alarms
    saved = made.snapshot(names)
    made.forget(names)
    assert len(made.streams) == 0
    made.restore(saved)
    found.alarms += made.push([item for name in names for item in of[name][60:]]).alarms

    assert alarms(found) == alarms(whole)


def test_snapshots_that_do_not_fit_are_refused() -> None:
    made = engine()
    made.push(ordered([NUMERICS[0][:3]]))
    saved = made.snapshot(["n0"])
    with pytest.raises(InputError, match="other models"):
        made.restore(type(saved)(saved.streams, saved.models[:-1], saved.state))
    with pytest.raises(InputError, match="does not fit"):
        made.restore(type(saved)(saved.streams, saved.models, {}))
    with pytest.raises(InputError, match="not being scored"):
        made.snapshot(["nobody"])


@pytest.mark.parametrize("seed", range(2))
def test_whenever_workers_die_alarms_of_both_kinds_are_the_same(seed: int) -> None:
    deaths, log = random.Random(seed), log_of([*ECG, *NUMERICS], n_partitions=2)
    calm = World(log)
    calm.worker(scorer=engine()).run()
    log._committed.clear()
    assert {"n0", "n1"} <= calm.alarms.settled.keys()
    found = World(log)
    for _ in range(4):
        found.crash_in, found.crash_after = deaths.randint(1, 30), deaths.random() < 0.3
        keeping = Keeping(every_s=deaths.choice([0.0, 3.0, 20.0]))
        try:
            found.worker(scorer=engine(), keeping=keeping, most=deaths.randint(1, 12)).run()
        except CrashError:
            continue
    found.crash_in = -1
    found.worker(scorer=engine()).run()

    assert found.alarms.settled == calm.alarms.settled
    assert found.beats.settled == calm.beats.settled


def test_what_cannot_be_forecast_is_counted_or_a_dead_letter() -> None:
    slow = recording(quiet(n_s=20), fs=0.5, name="slow")
    other = Lead("TEMP", "C")
    temperatures = [
        Frame("temp", "0", f.first_sample, f.start_unix_ns, f.fs, (other,), f.samples[:1])
        for f in NUMERICS[0][:5]
    ]
    log = MemoryLog(1)
    for frame in [*frames(slow, "slow", chunk_s=4.0), *temperatures]:
        log.append(frame.stream_id, encode([frame]), START_MS)
    log.close()
    world = World(log)
    work = world.worker(scorer=engine())
    work.run()

    letters = [json.loads(each) for each in world.dead.settled["-0"]]
    assert {letter["reason"] for letter in letters} == {"lead"}
    assert "slow" not in world.alarms.settled
    assert len(letters) == 10
    assert work.count("vigil_frames_without_ecg_total") == 5
