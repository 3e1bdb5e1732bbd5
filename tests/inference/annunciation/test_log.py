import json

import jsonschema
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from inference.alarm_transition import TransitionKind
from inference.annunciation import (
    Acknowledge,
    AlarmOff,
    AudioPause,
    Desk,
    LogWriter,
    Policy,
    SetLimits,
    Standby,
    read_command,
    read_log,
    replay,
)
from inference.annunciation import log as log_module
from inference.annunciation.wire import command_schema, given_to_dict, signal_to_dict
from inference.conditions import CONDITIONS
from inference.limits import Limits
from ingest.errors import InputError

NAMES = [c.name for c in CONDITIONS]


class Clock:
    def __init__(self):
        self.ms = 1000

    def __call__(self):
        return self.ms


def alarm(name, state="raised", stream="p1", number=0):
    return {"stream_id": stream, "id": f"{name}{number}", "condition": name, "state": state}


@st.composite
def doings(draw):
    """What happens to two beds: (ms to wait, what to do)."""
    what = st.one_of(
        st.tuples(st.just("alarm"), st.sampled_from(NAMES), st.sampled_from(list(TransitionKind))),
        st.tuples(
            st.just("command"),
            st.sampled_from(
                [
                    Acknowledge("n 7"),
                    AudioPause("n 7", 20),
                    AlarmOff("n 7", "pause", "known"),
                    Standby("n 7", "CT"),
                    SetLimits("dr 1", "fit", {"bradycardia_bpm": 42.0}),
                ]
            ),
            st.none(),
        ),
    )
    step = st.tuples(st.integers(0, 90_000), st.sampled_from(["p1", "p2"]), what)
    return draw(st.lists(step, max_size=20))


def live(steps, writer, clock):
    """Do it all; return the desk and its state behind each line of the log."""
    desk, states = Desk(clock, log=writer, limits=Limits()), []
    for wait_ms, stream, (kind, first, second) in steps:
        clock.ms += wait_ms
        desk.tick()
        try:
            if kind == "alarm":
                desk.hear(alarm(first, second.value, stream))
            else:
                desk.command(stream, first)
        except InputError:
            continue
        states.append({s: bed.copy() for s, bed in desk.beds.items()})
    return desk, states


def states_of(beds, at_ms):
    found = {}
    for stream, bed in beds.items():
        twin = bed.copy()
        twin.advance(at_ms)
        found[stream] = twin.state()
    return found


@settings(max_examples=60, deadline=None)
@given(doings())
def test_any_prefix_of_the_log_replays_to_the_state_that_was(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("log") / "a.jsonl"
    clock = Clock()
    with LogWriter(path, Policy(), Limits(), sync=False) as writer:
        desk, states = live(steps, writer, clock)
    whole = read_log(path)
    assert len(whole.entries) == len(states)
    lines = path.read_bytes().splitlines(keepends=True)
    for n, wanted in enumerate(states, 1):
        part = path.with_name("part.jsonl")
        part.write_bytes(b"".join(lines[: n + 1]))
        read = read_log(part)
        at_ms = read.entries[-1].at_ms
        assert states_of(replay(read), at_ms) == states_of(wanted, at_ms)
    assert states_of(replay(whole, clock.ms), clock.ms) == states_of(desk.beds, clock.ms)


def some_log(path):
    clock = Clock()
    with LogWriter(path, Policy(), Limits()) as writer:
        desk = Desk(clock, log=writer, unix_ns=lambda: 7)
        desk.hear(alarm("asystole"))
        clock.ms += 5000
        desk.command("p1", Acknowledge("n 7"))
        desk.hear(alarm("asystole", "ended"))
    return path.read_bytes()


def test_a_torn_last_line_is_told_at_whichever_byte_it_was_torn(tmp_path):
    path = tmp_path / "a.jsonl"
    content = some_log(path)
    last = content.rindex(b"\n", 0, -1) + 1
    for end in range(last, len(content)):
        path.write_bytes(content[:end])
        found = read_log(path)
        assert found.torn == content[last:end]
        assert len(found.entries) == 2
        assert replay(found)["p1"].phase("asystole") == "acknowledged"


def test_going_on_behind_a_torn_line_sets_it_aside_and_loses_nothing_else(tmp_path):
    path = tmp_path / "a.jsonl"
    content = some_log(path)
    path.write_bytes(content[:-5])
    with LogWriter(path, Policy(), Limits()) as writer:
        assert writer.torn == content[content.rindex(b"\n", 0, -1) + 1 : -5]
        clock = Clock()
        clock.ms = 9000
        desk = Desk(clock, log=writer)
        desk.restore(replay(read_log(path)))
        desk.hear(alarm("asystole", "ended"))
    assert path.with_name("a.jsonl.torn").read_bytes() == writer.torn + b"\n"
    found = read_log(path)
    assert (found.torn, len(found.entries)) == (b"", 3)
    assert replay(found)["p1"].phase("asystole") == "quiet"


def test_a_log_torn_in_its_first_line_begins_anew(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"n":0,"schem')
    with LogWriter(path, Policy(), Limits()) as writer:
        assert writer.torn
    assert read_log(path).entries == ()


@pytest.mark.parametrize("line", [1, 2])
def test_a_missing_or_broken_line_in_the_middle_is_refused_by_number(tmp_path, line):
    path = tmp_path / "a.jsonl"
    lines = some_log(path).splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:line] + lines[line + 1 :]))
    with pytest.raises(InputError, match=rf"line {line + 1}: number {line + 1} stands where"):
        read_log(path)
    path.write_bytes(b"".join([*lines[:line], b"{]\n", *lines[line + 1 :]]))
    with pytest.raises(InputError, match=f"line {line + 1} is no line of a log"):
        read_log(path)


def test_an_entry_that_is_not_possible_is_refused(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = some_log(path).splitlines(keepends=True)
    early = json.loads(lines[3]) | {"at_ms": 1}
    path.write_bytes(b"".join([*lines[:3], json.dumps(early).encode() + b"\n"]))
    with pytest.raises(InputError, match=r"entry 3 .*ran backwards"):
        replay(read_log(path))


def test_a_log_of_another_policy_is_not_gone_on_with(tmp_path):
    path = tmp_path / "a.jsonl"
    some_log(path)
    with pytest.raises(InputError, match="another policy"):
        LogWriter(path, Policy(audio_pause_s=60.0), Limits())


def test_a_log_has_one_writer(tmp_path):
    path = tmp_path / "a.jsonl"
    with (
        LogWriter(path, Policy(), Limits()),
        pytest.raises(InputError, match="is being written by another process"),
    ):
        LogWriter(path, Policy(), Limits())
    LogWriter(path, Policy(), Limits()).close()
    with pytest.raises(InputError, match="cannot be written"):
        LogWriter(tmp_path, Policy(), Limits())


def test_what_cannot_be_logged_is_not_done(tmp_path, monkeypatch):
    clock, path = Clock(), tmp_path / "a.jsonl"
    with LogWriter(path, Policy(), Limits()) as writer:
        desk = Desk(clock, log=writer)
        desk.hear(alarm("asystole"))

        def full(_):
            raise OSError(28, "No space left on device")

        before = desk.beds["p1"].state()
        monkeypatch.setattr(log_module.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            desk.command("p1", Acknowledge("n 7"))
        assert desk.beds["p1"].state() == before


def test_what_was_due_is_told_though_the_command_behind_it_is_refused():
    clock = Clock()
    desk = Desk(clock)
    desk.hear(alarm("asystole"))
    clock.ms += 61_000
    with pytest.raises(InputError, match="no audio pause"):
        desk.command("p1", read_command(command("audio_on"))[1])
    assert [s.kind.value for s in desk.tick()] == ["escalated"]


def test_a_refused_command_for_a_stream_never_heard_leaves_nothing_behind():
    desk = Desk(Clock())
    with pytest.raises(InputError, match="no alarm to acknowledge"):
        desk.command("p9", Acknowledge("n 7"))
    assert not desk.beds


def command(name, **more):
    values = {"schema": "vigil.command/1", "stream_id": "p1", "command": name, "who": "n 7"}
    return json.dumps({**values, **more})


GOOD = [
    command("acknowledge"),
    command("acknowledge", condition="asystole"),
    command("audio_pause", length_s=60),
    command("audio_on"),
    command("alarm_off", condition="pause", why="known"),
    command("alarm_on", condition="pause"),
    command("standby", why="CT"),
    command("resume"),
    command("set_limits", why="fit", limits={"bradycardia_bpm": 42}),
]
BAD = [
    (b"\xff", "must be JSON"),
    ("[]", "must be an object"),
    (command("sing"), "'sing' is unknown"),
    (command("standby"), "'why' is missing"),
    (command("resume", why="so"), "'why' is unknown"),
    (command("acknowledge", condition=3), "'condition' cannot be of type int"),
    (command("audio_pause", length_s=True), "'length_s' cannot be of type bool"),
    (command("acknowledge", stream_id=""), "must name its stream_id"),
    (command("acknowledge", schema="vigil.command/9"), "with schema 'vigil.command/1'"),
    (command("acknowledge", change="raised"), "'command' is unknown"),
]


@pytest.mark.parametrize("text", GOOD)
def test_commands_fit_their_schema_and_come_back(text):
    jsonschema.Draft202012Validator(command_schema()).validate(json.loads(text))
    stream_id, made = read_command(text)
    again = {"schema": "vigil.command/1", "stream_id": stream_id, **given_to_dict(made)}
    assert read_command(json.dumps(again)) == (stream_id, made)


@pytest.mark.parametrize(("text", "match"), BAD)
def test_what_is_no_command_is_refused(text, match):
    with pytest.raises(InputError, match=match):
        read_command(text)
    if isinstance(text, str):
        validator = jsonschema.Draft202012Validator(command_schema())
        assert not validator.is_valid(json.loads(text))


def test_signals_are_written_in_words():
    told = Desk(Clock()).hear(alarm("asystole"))
    assert signal_to_dict(told[0]) == {
        "schema": "vigil.signal/1", "stream_id": "p1", "at_ms": 1000, "kind": "on",
        "condition": "asystole", "priority": "high", "alarm_id": "asystole0",
        "recipient": "bedside", "because": "", "who": "",
    }  # fmt: skip


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(steps=doings(), most=st.integers(1, 20_000))
def test_a_log_that_begins_anew_leads_to_the_same_states_and_signals(tmp_path_factory, steps, most):
    folder = tmp_path_factory.mktemp("logs")
    told = {}
    for name, most_bytes in (("long", 1 << 30), ("short", most)):
        clock = Clock()
        with LogWriter(folder / name, Policy(), Limits(), most_bytes=most_bytes) as writer:
            desk, signals = Desk(clock, log=writer), []
            for wait_ms, stream, (kind, first, second) in steps:
                clock.ms += wait_ms
                signals += desk.tick()
                try:
                    if kind == "alarm":
                        signals += desk.hear(alarm(first, second.value, stream))
                    else:
                        signals += desk.command(stream, first)
                except InputError:
                    continue
            clock.ms += 10_000_000
            told[name] = signals + desk.tick()
        replayed = replay(read_log(folder / name))
        assert states_of(replayed, clock.ms) == states_of(desk.beds, clock.ms)
    assert told["short"] == told["long"]


def test_a_log_is_bounded_however_long_streams_come_and_go(tmp_path):
    clock, path = Clock(), tmp_path / "log"
    with LogWriter(path, Policy(), Limits(), sync=False, most_bytes=100_000) as writer:
        desk = Desk(clock, log=writer)
        for i in range(400):
            clock.ms += 120_000
            desk.hear(alarm("bradycardia", "raised", f"p{i}", i))
            clock.ms += 60_000
            desk.hear(alarm("bradycardia", "ended", f"p{i}", i))
            assert path.stat().st_size < 200_000
        assert len(desk.beds) < 200

    assert (tmp_path / "log.1").stat().st_size < 200_000
    assert replay(read_log(path)).keys() == desk.beds.keys()


def test_a_full_disk_leaves_the_old_log_whole(tmp_path, monkeypatch, caplog):
    clock, path = Clock(), tmp_path / "log"
    with LogWriter(path, Policy(), Limits(), most_bytes=10) as writer:
        desk = Desk(clock, log=writer)

        def full(_):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(log_module.os, "fsync", full)
            writer._sync = False
            desk.hear(alarm("asystole"))
        desk.hear(alarm("bradycardia", stream="p2"))

    assert "could not begin anew" in caplog.text
    assert not (tmp_path / "log.1").exists() or read_log(path).entries
    assert replay(read_log(path)).keys() == {"p1", "p2"}


def test_beds_of_which_nothing_is_left_are_forgotten_and_all_others_kept():
    clock = Clock()
    desk = Desk(clock)
    for i in range(50):
        desk.hear(alarm("bradycardia", "raised", f"p{i}"))
        desk.hear(alarm("bradycardia", "ended", f"p{i}"))
    desk.hear(alarm("asystole", "raised", "lethal"))
    desk.hear(alarm("asystole", "ended", "lethal"))  # latches: nobody has acknowledged
    desk.hear(alarm("bradycardia", "raised", "holds"))
    desk.command("away", Standby("n 7", "CT"))
    clock.ms += 10_000_000

    desk.forget_idle()

    assert desk.beds.keys() == {"lethal", "holds", "away"}
