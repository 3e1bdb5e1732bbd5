"""Other limits than before: what stood by the old ones ends with a reason, the rest goes on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import jsonschema
import pytest

from inference.alarm_json import schema
from inference.keeper import Keeping
from inference.limits import Limits
from inference.outdated import Outdated
from inference.roster import Known
from tests.inference.crashes import CrashError, World, log_of, undisturbed, ward_frames

WARD = ward_frames(6, duration_s=60.0, seed=5)
WIDE = replace(Limits(), tachycardia_bpm=139.0, bradycardia_bpm=41.0)
NARROW = replace(Limits(), tachycardia_bpm=75.0, bradycardia_bpm=60.0)
KEEPING = Keeping(every_s=1.0)


def standing(world: World) -> dict[str, set[str]]:
    """Ids of the alarms that stand at the end, by condition."""
    found: dict[str, set[str]] = {}
    for alarms in world.alarms.settled.values():
        last = {alarm["id"]: alarm for alarm in map(json.loads, alarms)}
        for alarm_id, alarm in last.items():
            if alarm["state"] not in ("ended", "cleared", "veto_ended"):
                found.setdefault(alarm["condition"], set()).add(alarm_id)
    return found


def messages(world: World) -> list[dict[str, object]]:
    return [json.loads(m) for each in world.alarms.settled.values() for m in each]


def changed(at: int, before: Limits, after: Limits, crash: int = -1) -> World:
    """A worker that leaves at a moment; one of other limits goes on, and may die on its way."""
    world = World(log_of(WARD))
    first = world.worker(keeping=KEEPING, limits=before)
    for _ in range(at):
        first.turn()
    first.worker.drain()
    world.crash_in = crash
    if crash > 0:
        with pytest.raises(CrashError):
            world.worker(keeping=KEEPING, limits=after).run()
        world.crash_in = -1
    world.worker(keeping=KEEPING, limits=after).run()
    return world


@pytest.mark.parametrize(("before", "after"), [(NARROW, WIDE), (WIDE, NARROW)])
def test_what_stands_is_what_stands_by_the_limits_in_force(before: Limits, after: Limits) -> None:
    wanted = standing(undisturbed(log_of(WARD), limits=after))
    n_ended = 0
    for at in (15, 45):
        world = changed(at, before, after)
        assert standing(world) == wanted
        told = messages(world)
        n_ended += sum("ended_because" in each for each in told)
        per_id: dict[object, list[object]] = {}
        for each in told:
            per_id.setdefault(each["id"], []).append(each["state"])
        assert all(states[0] in ("raised", "vetoed") for states in per_id.values())
        assert all(max(Counter(states).values()) == 1 for states in per_id.values())
    assert (n_ended > 0) == (before is NARROW)


@pytest.mark.parametrize("crash", [1, 2, 3])
def test_a_worker_that_dies_on_its_way_ends_them_once(crash: int) -> None:
    world = changed(40, NARROW, WIDE, crash)
    ended = [each for each in messages(world) if "ended_because" in each]
    assert ended
    assert len({each["id"] for each in ended}) == len(ended)
    assert standing(world) == standing(undisturbed(log_of(WARD), limits=WIDE))


def test_the_message_of_an_end_has_the_form_of_an_alarm() -> None:
    world = changed(40, NARROW, WIDE)
    for each in messages(world):
        jsonschema.validate(each, schema())
    (first, *_) = [each for each in messages(world) if "ended_because" in each]
    assert (first["ended_because"], first["state"]) == ("limits_changed", "ended")


def test_a_latched_alarm_is_cleared_and_one_that_was_never_told_is_not() -> None:
    outdated = Outdated()
    at = {"sample": 1, "utc": "2023-11-14T22:13:20Z"}
    told = [
        json.dumps({"id": name, "state": name, "decided": at, "offset": None}).encode()
        for name in ("latched", "vetoed", "acknowledged")
    ]
    outdated.keep(0, "p1", "models", told)
    found = {json.loads(m)["id"]: json.loads(m)["state"] for _, m in outdated.settle(0, {})}
    assert found == {"latched": "cleared", "acknowledged": "ended"}
    assert list(outdated.settle(0, {})) == []  # once


def test_an_alarm_that_stands_by_the_new_rules_only_is_raised_before_more_is_told() -> None:
    outdated, known = Outdated(), Known(0, (), 0)
    message = json.dumps({"id": "a", "state": "latched", "offset": {"sample": 3}}).encode()
    known.alarms["a"] = message
    outdated.keep(0, "p1", "limits", [])
    states = [json.loads(m)["state"] for _, m in outdated.settle(0, {"p1": known})]
    assert states == ["raised", "latched"]
