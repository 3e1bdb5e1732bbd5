"""The lines of one patient: who, the trace, the numbers, the alarm."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style

from deploy.terminal import theme
from deploy.terminal.line import Line, known
from deploy.terminal.theme import Glyphs
from deploy.terminal.trace import Sweep, column_of, draw_sweep
from deploy.terminal.view import TRACE_S, AlarmBadge, PatientRow
from inference.alarm_states import AlarmState

_DOTS_A_SECOND = 28.0
"""Dots across a second of trace that show a QRS complex well."""


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Widths of a patient's columns, in cells; the same for all patients."""

    lines: int
    """Lines a patient."""
    bed: int
    """Bed."""
    patient: int
    """Pseudonym; from two lines a patient on, the rhythm stands below it."""
    rhythm: int
    """Rhythm, where it has a column of its own; else 0."""
    trace: int
    """Trace."""
    rate: int
    """Heart and heart rate; from two lines a patient on, the quality stands below."""
    quality: int
    """Quality, where it has a column of its own; else 0."""
    alarm: int
    """Alarm."""

    @property
    def window_s(self) -> float:
        """Time that the trace holds, s."""
        return min(max(2 * self.trace / _DOTS_A_SECOND, 4.0), TRACE_S)


def row_layout(width: int, lines: int) -> RowLayout:
    """Divide the width among the columns; the trace gets what the others leave.

    Examples
    --------
    >>> row_layout(80, 1).trace, row_layout(140, 2).trace
    (25, 85)
    """
    roomy = width >= 110
    bed = 3 if roomy else 2
    alarm = 26 if width >= 130 else 22 if roomy else 18
    patient = (16 if roomy else 13) if lines > 1 else (12 if roomy else 8)
    rhythm = 0 if lines > 1 else (16 if roomy else 11)
    quality = 0 if lines > 1 else 4
    rate = 5
    gaps = 4 + (lines == 1) * 2
    trace = width - 1 - bed - patient - rhythm - rate - quality - alarm - gaps
    return RowLayout(lines, bed, patient, rhythm, max(trace, 1), rate, quality, alarm)


def patient_lines(
    row: PatientRow, layout: RowLayout, elapsed_s: float, glyphs: Glyphs
) -> list[list[Segment]]:
    """Return a patient's lines.

    Parameters
    ----------
    row : PatientRow
        The patient.
    layout : RowLayout
        Widths.
    elapsed_s : float
        Time since the start, s: the phase of flashing.
    glyphs : Glyphs
        Characters to use.

    Returns
    -------
    list of list of Segment
        ``layout.lines`` lines, not yet cut to the width.
    """
    sweep = draw_sweep(
        row.trace, row.trace_fs, row.trace_end, layout.trace, layout.lines,
        window_s=layout.window_s, ascii_only=glyphs is theme.ASCII,
    )  # fmt: skip
    return [_one_line(row, layout, sweep, i, elapsed_s, glyphs) for i in range(layout.lines)]


def _one_line(
    row: PatientRow, layout: RowLayout, sweep: Sweep, index: int, elapsed_s: float, glyphs: Glyphs
) -> list[Segment]:
    line = Line()
    badge = row.alarm
    edge = theme.PLAIN if badge is None else Style.parse(f"bold {theme.COLOUR[badge.priority]}")
    line.add(" " if badge is None else glyphs.bar, edge)
    single = layout.lines == 1
    line.add(row.bed if index == 0 else "", theme.LABEL, layout.bed, right=True).add(" ")
    if index == 0:
        line.add(row.patient, theme.STRONG, layout.patient)
    else:
        line.add(_words(row.rhythm) if index == 1 else "", theme.PLAIN, layout.patient)
    line.add(" ")
    _add_trace(line, row, layout, sweep, index)
    line.add(" ")
    if index == 0:
        _add_rate(line, row, layout.rate, glyphs)
    elif index == 1:
        _add_quality(line, row, layout.rate, glyphs)
    else:
        line.add("", theme.PLAIN, layout.rate)
    line.add(" ")
    if single:
        line.add(_words(row.rhythm), theme.PLAIN, layout.rhythm).add(" ")
        _add_quality(line, row, layout.quality, glyphs)
        line.add(" ")
    _add_alarm(line, badge, layout, index, elapsed_s, glyphs)
    return line.segments


def _words(name: str) -> str:
    """Return a name from a table as words."""
    return name.replace("_", " ")


def _add_trace(line: Line, row: PatientRow, layout: RowLayout, sweep: Sweep, index: int) -> None:
    """Append one line of the trace: its head bright, beats that are not normal in colour."""
    quality = known(row.quality)
    base = theme.TRACE_POOR if quality is not None and quality < 0.25 else theme.TRACE
    styles = [base] * layout.trace
    text = list(sweep.lines[index])
    last = index == layout.lines - 1
    oldest = row.trace_end - round(layout.window_s * row.trace_fs * 0.93)
    for mark in row.marks:
        if mark.aami == "N" or not oldest <= mark.sample < row.trace_end:
            continue
        style = theme.MARK.get(mark.aami, theme.MARK_OTHER)
        at = column_of(mark.sample, row.trace_fs, layout.trace, layout.window_s)
        reach = max(1, round(0.12 * layout.trace / layout.window_s))
        for column in range(max(0, at - reach), min(layout.trace, at + reach + 1)):
            styles[column] = style
        if last and layout.lines > 1:
            text[at] = mark.aami[:1] or " "
    if sweep.head >= 0:
        for column in range(max(0, sweep.head - 1), sweep.head + 1):
            styles[column] = theme.TRACE_HEAD
    start = 0
    for column in range(1, layout.trace + 1):
        if column == layout.trace or styles[column] is not styles[start]:
            line.add("".join(text[start:column]), styles[start])
            start = column


def _add_rate(line: Line, row: PatientRow, width: int, glyphs: Glyphs) -> None:
    beating = row.since_beat_s is not None and row.since_beat_s < 0.2
    rate = known(row.heart_rate_bpm)
    line.add(glyphs.heart if beating else " ", theme.HEART)
    text = glyphs.dash * 2 if rate is None else f"{rate:.0f}"
    line.add(text, theme.LABEL if rate is None else theme.RATE, width - 1, right=True)


def _add_quality(line: Line, row: PatientRow, width: int, glyphs: Glyphs) -> None:
    quality = known(row.quality)
    line.add("", theme.PLAIN, width - 4)
    if quality is None:
        line.add(glyphs.dash, theme.LABEL, 4, right=True)
        return
    reached = min(4, max(1, round(quality * 4 + 0.25))) if quality > 0 else 0
    line.add(glyphs.quality[:reached], theme.quality_style(quality))
    line.add(glyphs.no_quality * (4 - reached), theme.LABEL)


def _add_alarm(
    line: Line,
    badge: AlarmBadge | None,
    layout: RowLayout,
    index: int,
    elapsed_s: float,
    glyphs: Glyphs,
) -> None:
    """Append the alarm: symbol and condition above, priority, state and age below."""
    if badge is None:
        line.add("", theme.PLAIN, layout.alarm)
        return
    if index == 0:
        style = theme.badge_style(badge.priority, badge.state, elapsed_s)
        sign = {AlarmState.LATCHED: glyphs.latched, AlarmState.ACKNOWLEDGED: glyphs.acknowledged}
        mark = f" {theme.SYMBOL[badge.priority]} {sign.get(badge.state, '')}".rstrip() + " "
        condition = _words(badge.condition)
        if len(mark) + len(condition) > layout.alarm:
            condition = theme.SHORT.get(condition, condition)
        line.add(mark + condition, style, layout.alarm)
    elif index == 1:
        age = known(badge.since_s)
        since = "" if age is None else f" {minutes(age)}"
        more = f" +{badge.n_more}" if badge.n_more > 0 else ""
        state = "" if badge.state is AlarmState.ACTIVE else f" {badge.state.name.lower()}"
        quiet = Style.parse(theme.COLOUR[badge.priority])
        line.add(f" {badge.priority.value}{since}{more}{state}", quiet, layout.alarm)
    else:
        line.add("", theme.PLAIN, layout.alarm)


def minutes(seconds: float) -> str:
    """Return a time as minutes and seconds, or hours too.

    Examples
    --------
    >>> minutes(62.9), minutes(3671)
    ('1:02', '1:01:11')
    """
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    if hours:
        return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
    return f"{rest // 60}:{rest % 60:02d}"
