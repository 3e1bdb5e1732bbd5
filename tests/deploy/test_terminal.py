"""The terminal view: fits any terminal, says what matters without colour, sweeps steadily."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.console import Console

from deploy.terminal import (
    TRACE_S,
    AlarmBadge,
    AlarmLine,
    BeatMark,
    PatientRow,
    Tally,
    WardDisplay,
    WardScreen,
    WardStats,
    WardView,
    summary,
    theme,
)
from deploy.terminal.screen import screen_lines
from deploy.terminal.trace import column_of, draw_sweep
from inference.alarm_states import AlarmState
from inference.alarm_transition import TransitionKind
from inference.conditions import CONDITIONS, Priority

FS = 250.0
NAMES = "heron wren swift plover dunlin siskin merlin avocet linnet godwit curlew petrel".split()


def trace_of(end: int, fs: float = FS) -> NDArray[np.float32]:
    """Spikes of 1 mV each second, drawn by absolute sample index."""
    index = np.arange(max(0, end - round(TRACE_S * fs)), end)
    return np.where(index % round(fs) < 0.04 * fs, 1.0, 0.0).astype(np.float32)


def patient(bed: int, alarm: AlarmBadge | None = None, end: int = 3000) -> PatientRow:
    return PatientRow(
        bed=str(bed),
        patient=NAMES[(bed - 1) % len(NAMES)],
        heart_rate_bpm=60.0 + bed,
        rhythm="sinus_rhythm",
        quality=0.9,
        trace=trace_of(end),
        trace_end=end,
        alarm=alarm,
        tally=Tally(120, 7, 3, 1, 2, 0, ("asystole", "v_run")),
    )


def ward(n: int, elapsed_s: float = 0.0) -> WardView:
    badges = {
        2: AlarmBadge(Priority.HIGH, "asystole", since_s=7.0),
        3: AlarmBadge(Priority.MEDIUM, "lead_off", since_s=62.0),
        5: AlarmBadge(Priority.LOW, "noise"),
        7: AlarmBadge(Priority.HIGH, "ventricular_tachycardia", AlarmState.LATCHED),
    }
    alarms = [
        AlarmLine(
            "12:00:07", Priority.HIGH, "2", "wren", "asystole", TransitionKind.RAISED, "HR 41"
        ),
        AlarmLine("12:00:03", Priority.LOW, "5", "dunlin", "noise", TransitionKind.ENDED),
    ]
    stats = WardStats(elapsed_s, n, 960.0, 3500.0, 1.0, 1234, 2, 3.2, 11.0)
    return WardView([patient(i, badges.get(i)) for i in range(1, n + 1)], alarms, stats)


def text_of(view: WardView, width: int, height: int, glyphs: theme.Glyphs = theme.UNICODE) -> str:
    lines = screen_lines(view, width, height, glyphs)
    return "\n".join("".join(segment.text for segment in line) for line in lines)


def line_of(text: str, word: str) -> str:
    return next(line for line in text.splitlines() if word in line)


@pytest.mark.parametrize("width", [20, 40, 80, 100, 120, 140, 200])
@pytest.mark.parametrize("height", [1, 3, 5, 10, 24, 40, 80])
@pytest.mark.parametrize("n", [0, 1, 8, 14])
def test_every_line_fills_the_width_and_no_line_is_too_many(
    width: int, height: int, n: int
) -> None:
    lines = screen_lines(ward(n), width, height, theme.UNICODE)
    assert len(lines) == height
    for line in lines:
        assert sum(cell_len(segment.text) for segment in line) == width


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(max_size=40),
    number=st.one_of(st.none(), st.floats()),
    samples=st.lists(st.floats(width=32), max_size=30),
    end=st.integers(0, 10**12),
    size=st.tuples(st.integers(1, 220), st.integers(1, 60)),
)
def test_no_value_breaks_the_screen(
    text: str, number: float | None, samples: list[float], end: int, size: tuple[int, int]
) -> None:
    width, height = size
    row = PatientRow(
        text, text, number, text, number, np.array(samples, np.float32), FS,
        max(end, len(samples)), [BeatMark(end, text), BeatMark(end - 1, "V")], number,
        AlarmBadge(Priority.MEDIUM, text, AlarmState.ACKNOWLEDGED, number, 2),
    )  # fmt: skip
    line = AlarmLine(text, Priority.LOW, text, text, text, TransitionKind.LATCHED, text)
    stats = WardStats(latency_p50_ms=number, latency_p99_ms=number)
    lines = screen_lines(WardView([row], [line], stats, text, text), width, height, theme.UNICODE)
    for drawn in lines:
        assert sum(cell_len(segment.text) for segment in drawn) == width
        assert all(segment.text.isprintable() for segment in drawn)


@pytest.mark.parametrize("width", [80, 100, 140, 200])
@pytest.mark.parametrize("height", [12, 24, 40])
def test_eight_patients_are_all_shown_with_rate_alarm_and_trace(width: int, height: int) -> None:
    text = text_of(ward(8), width, height)
    order = [text.index(name) for name in NAMES[:8]]
    assert order == sorted(order)
    for bed, name in enumerate(NAMES[:8], start=1):
        line = line_of(text, name)
        assert f" {60 + bed} " in line
    assert "!!! asystole" in line_of(text, "wren")
    assert "!! lead off" in line_of(text, "swift")
    assert "! noise" in line_of(text, "dunlin")
    assert any(0x2800 < ord(c) < 0x2900 for c in text)
    for word in ("high", "medium", "low"):
        assert word in text


def test_latched_and_acknowledged_alarms_differ_from_active_ones_without_colour() -> None:
    badge = AlarmBadge(Priority.HIGH, "asystole")
    views = [
        WardView([patient(1, replace(badge, state=state))])
        for state in (AlarmState.ACTIVE, AlarmState.LATCHED, AlarmState.ACKNOWLEDGED)
    ]
    for height in (5, 24):
        active, latched, acknowledged = (line_of(text_of(v, 80, height), "heron") for v in views)
        assert len({active, latched, acknowledged}) == 3
    assert "latched" in text_of(views[1], 80, 24)
    assert "acknowledged" in text_of(views[2], 80, 24)


def test_patients_with_alarms_are_the_last_to_be_left_out() -> None:
    text = text_of(ward(14), 80, 9)
    assert [name for name in NAMES if name in text] == [
        "heron",
        "wren",
        "swift",
        "dunlin",
        "merlin",
    ]
    assert "9 more patients, none of them with an alarm" in text
    fewer = text_of(ward(14), 80, 6)
    assert [name for name in NAMES if name in fewer] == ["wren", "swift"]
    assert "12 more patients, 2 of them with an alarm" in fewer


def test_long_condition_is_shortened_rather_than_cut() -> None:
    badge = AlarmBadge(Priority.HIGH, "ventricular_tachycardia")
    assert "!!! VT " in text_of(WardView([patient(1, badge)]), 80, 24)
    for condition in CONDITIONS:
        shown = AlarmBadge(condition.priority, condition.name, AlarmState.LATCHED)
        line = line_of(text_of(WardView([patient(1, shown)]), 80, 24), "heron")
        words = condition.name.replace("_", " ")
        assert words in line or theme.SHORT[words] in line


def test_high_priority_flashes_by_style_only() -> None:
    def styles(elapsed_s: float) -> set[str]:
        lines = screen_lines(ward(8, elapsed_s), 120, 40, theme.UNICODE)
        return {str(s.style) for line in lines for s in line if "!!! asystole" in s.text}

    assert text_of(ward(8, 0.0), 120, 40) == text_of(ward(8, 0.3), 120, 40)
    assert styles(0.0) == {"bold white on red"}
    assert styles(0.3) == {"bold red"}


def test_only_active_alarms_stand_on_a_coloured_ground_and_low_does_not_flash() -> None:
    for priority in Priority:
        for state in (AlarmState.LATCHED, AlarmState.ACKNOWLEDGED):
            assert theme.badge_style(priority, state, 0.0).bgcolor is None
        assert theme.badge_style(priority, AlarmState.ACTIVE, 0.0).bgcolor is not None
    low = {str(theme.badge_style(Priority.LOW, AlarmState.ACTIVE, t / 10)) for t in range(50)}
    assert len(low) == 1


def dots(lines: Sequence[str]) -> NDArray[np.bool_]:
    """Which dots of Braille lines are set, shape (4 * lines, 2 * columns)."""
    at = {0: (0, 0), 1: (1, 0), 2: (2, 0), 3: (0, 1), 4: (1, 1), 5: (2, 1), 6: (3, 0), 7: (3, 1)}
    out = np.zeros((4 * len(lines), 2 * len(lines[0])), dtype=bool)
    for y, line in enumerate(lines):
        for x, char in enumerate(line):
            for bit, (down, across) in at.items():
                if char != " " and ord(char) >> bit & 1:
                    out[4 * y + down, 2 * x + across] = True
    return out


def test_trace_draws_a_ramp_as_a_rising_line() -> None:
    ramp = np.linspace(0.0, 0.69, 500, dtype=np.float32)
    drawn = dots(draw_sweep(ramp, FS, 500, 50, 3, window_s=2.0).lines)
    used = drawn.any(axis=0)
    assert used.sum() == 95, "all but the gap of a twentieth"
    heights = drawn[:, used].argmax(axis=0)
    assert (np.diff(heights) <= 0).all()
    assert heights[0] - heights[-1] >= 9


def test_sweep_moves_only_at_its_head() -> None:
    before = dots(draw_sweep(trace_of(3000), FS, 3000, 60, 2, window_s=5.0).lines)
    sweep = draw_sweep(trace_of(3050), FS, 3050, 60, 2, window_s=5.0)
    changed = np.flatnonzero((before != dots(sweep.lines)).any(axis=0)) // 2
    assert changed.size > 0
    distance = (sweep.head - changed) % 60
    assert ((distance <= 4) | (distance >= 55)).all(), "new dots behind the head, a gap before it"


def test_peaks_stand_where_column_of_says() -> None:
    drawn = dots(draw_sweep(trace_of(3000), FS, 3000, 60, 2, window_s=5.0).lines)
    high = set((np.flatnonzero(drawn[0]) // 2).tolist())
    for sample in (2002, 2252, 2502, 2752):
        assert column_of(sample, FS, 60, 5.0) in high


def test_missing_samples_leave_a_blank() -> None:
    trace = np.zeros(1000, dtype=np.float32)
    trace[400:600] = np.nan
    drawn = dots(draw_sweep(trace, FS, 1000, 50, 1, window_s=4.2).lines)
    first, last = int(410 / 10.5), int(590 / 10.5)
    assert not drawn[:, first:last].any()
    assert drawn[:, : first - 2].any()
    assert drawn[:, last + 2 :].any()


def test_ventricular_beat_is_marked_with_its_letter_and_colour() -> None:
    row = replace(patient(1), marks=[BeatMark(2502, "V"), BeatMark(2752, "N"), BeatMark(10, "S")])
    lines = screen_lines(WardView([row]), 140, 12, theme.UNICODE)
    marked = [s for line in lines[2:6] for s in line if s.style is theme.MARK["V"]]
    assert any("V" in s.text for s in marked)
    assert not [s for line in lines[2:6] for s in line if s.style is theme.MARK["S"]]


def test_ascii_terminal_gets_ascii() -> None:
    for height in (12, 24, 40):
        assert text_of(ward(8), 100, height, theme.ASCII).isascii()


def test_rich_prints_the_screen_in_full_without_colour() -> None:
    out = io.StringIO()
    console = Console(file=out, width=100, height=30, color_system=None, force_terminal=True)
    console.print(WardScreen(ward(8)))
    lines = out.getvalue().rstrip("\n").split("\n")
    assert len(lines) == 30
    assert "\x1b" not in out.getvalue()
    assert "3.2/11 ms p50/p99" in lines[0]
    assert "!!! 1" in lines[0], "latched alarms are not counted as active"


def test_display_draws_no_faster_than_its_rate() -> None:
    now_s = [100.0]
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=24)
    with WardDisplay(console, max_hz=10.0, clock=lambda: now_s[0]) as display:
        drawn = 0
        for _ in range(200):
            drawn += display.show(ward(2))
            now_s[0] += 0.01
    assert 19 <= drawn <= 21
    assert "heron" in out.getvalue()


def test_display_is_silent_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    with WardDisplay(Console(file=out, force_terminal=False)) as display:
        assert not display.due()
        assert not display.show(ward(2))
    assert out.getvalue() == ""


def test_display_gives_the_screen_back_after_an_error() -> None:
    out = io.StringIO()
    with (
        pytest.raises(RuntimeError),
        WardDisplay(Console(file=out, force_terminal=True, width=80, height=24)),
    ):
        raise RuntimeError
    assert out.getvalue().index("\x1b[?1049h") < out.getvalue().index("\x1b[?1049l")


@pytest.mark.parametrize("width", [80, 200])
def test_summary_tells_every_patient_and_the_figures(width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(summary(ward(8, elapsed_s=65.0)))
    text = out.getvalue()
    assert all(len(line) <= width for line in text.splitlines())
    assert line_of(text, "wren").split() == (
        ["2", "wren", "120", "7", "3", "1", "2", "0", "asystole,", "v", "run"]
    )
    for words in ("!!! high", "8 patients", "1,234 beats", "16:00 of signal in 1:05", "p99 11 ms"):
        assert words in " ".join(text.split())
