"""The whole screen: header, patients, latest alarms, legend; fitted to any terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from deploy.terminal import theme
from deploy.terminal.line import Line, known
from deploy.terminal.patient import minutes, patient_lines, row_layout
from deploy.terminal.theme import Glyphs
from deploy.terminal.view import AlarmLine, PatientRow, WardStats, WardView
from inference.alarm_states import AlarmState
from inference.alarm_transition import TransitionKind

Segments = list[Segment]
"""One line."""

_MAX_LINES = 4
"""Lines a patient at most."""
_MIN_LIST = 4
"""Lines of the list of alarms, with its heading, that are kept before patients grow."""


class WardScreen:
    """A view as something that rich can print.

    Parameters
    ----------
    view : WardView
        What to show.
    """

    def __init__(self, view: WardView) -> None:
        self.view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines, as many as the terminal has."""
        height = options.height or console.height
        glyphs = theme.ASCII if options.ascii_only else theme.UNICODE
        for i, line in enumerate(screen_lines(self.view, options.max_width, height, glyphs)):
            if i:
                yield Segment.line()
            yield from line


def screen_lines(view: WardView, width: int, height: int, glyphs: Glyphs) -> list[Segments]:
    """Lay out a view.

    Patients get four lines each where there is room, else fewer, down to one. Where
    even that is too much, those without an alarm are left out first, and counted.

    Parameters
    ----------
    view : WardView
        What to show.
    width, height : int
        Size of the terminal, cells.
    glyphs : Glyphs
        Characters to use.

    Returns
    -------
    list of Segments
        At most ``height`` lines, each exactly ``width`` cells.
    """
    room = max(1, height - 3)
    per_patient = _lines_a_patient(len(view.rows), room)
    shown, left_out = _that_fit(view.rows, room // per_patient)
    layout = row_layout(width, per_patient)
    lines = [_header(view, width, glyphs), [Segment(glyphs.rule * width, theme.RULE)]]
    for row in shown:
        lines += patient_lines(row, layout, view.stats.elapsed_s, glyphs)
    if left_out:
        lines.append(_left_out_line(left_out))
    spare = height - 1 - len(lines)
    if spare >= 2:
        lines += _alarm_list(view.alarms, width, spare, glyphs)
    lines += [[] for _ in range(height - 1 - len(lines))]
    lines = lines[: max(0, height - 1)]
    lines.append(_legend(view.note, width, glyphs))
    return [Segment.adjust_line_length(line, width) for line in lines]


def _lines_a_patient(n_patients: int, room: int) -> int:
    """Return how many lines each patient may have."""
    for lines in range(_MAX_LINES, 1, -1):
        if n_patients * lines + _MIN_LIST <= room:
            return lines
    return 1


def _that_fit(rows: Sequence[PatientRow], room: int) -> tuple[list[PatientRow], list[PatientRow]]:
    """Divide patients into those shown and those left out, both in the order of beds."""
    if len(rows) <= room:
        return list(rows), []
    urgency = {priority: i for i, priority in enumerate(theme.URGENCY)}

    def rank(i: int) -> int:
        badge = rows[i].alarm
        if badge is None:
            return 2 * len(urgency)
        return urgency[badge.priority] + (badge.state is not AlarmState.ACTIVE) * len(urgency)

    chosen = set(sorted(range(len(rows)), key=rank)[: max(0, room - 1)])
    return (
        [row for i, row in enumerate(rows) if i in chosen],
        [row for i, row in enumerate(rows) if i not in chosen],
    )


def _left_out_line(rows: Sequence[PatientRow]) -> Segments:
    alarmed = sum(row.alarm is not None for row in rows)
    text = f"    and {len(rows)} more patients, {alarmed or 'none'} of them with an alarm"
    return Line().add(text, theme.LABEL).segments


def _header(view: WardView, width: int, glyphs: Glyphs) -> Segments:
    """Return the line at the top: as many figures as there is room for, alarms at the right."""
    stats = view.stats
    line = Line().add(f" {view.title} ", theme.TITLE).add(" ")
    counts = _priority_counts(view.rows)
    for label, value in _figures(stats, glyphs):
        if line.cells + len(label) + len(value) + 4 + counts.cells > width:
            break
        line.add("  ").add(value, theme.STRONG).add(f" {label}" if label else "", theme.LABEL)
    line.fill_to(width - counts.cells)
    return line.segments + counts.segments


def _figures(stats: WardStats, glyphs: Glyphs) -> list[tuple[str, str]]:
    """Return (label, value) of the figures, most wanted first."""
    p50, p99 = known(stats.latency_p50_ms), known(stats.latency_p99_ms)
    figures = [("patients", str(stats.n_streams)), ("", minutes(stats.elapsed_s))]
    if p50 is not None and p99 is not None:
        figures.append(("ms p50/p99", f"{p50:.3g}/{p99:.3g}"))
    figures += [("beats", f"{stats.n_beats:,}"), ("alarms", f"{stats.n_alarms:,}")]
    figures.append(("samples/s", f"{stats.samples_per_s:,.0f}"))
    if stats.speed is not None:
        figures.append(("real time", f"{glyphs.times}{stats.speed:.3g}"))
    figures.append(("of signal", minutes(stats.signal_s)))
    return figures


def _priority_counts(rows: Sequence[PatientRow]) -> Line:
    """Return how many patients have an active alarm of each priority."""
    line = Line()
    up = [row.alarm for row in rows if row.alarm and row.alarm.state is AlarmState.ACTIVE]
    for priority in theme.URGENCY:
        n = sum(badge.priority is priority for badge in up)
        style = Style.parse(f"bold {theme.COLOUR[priority]}") if n else theme.LABEL
        line.add(f" {theme.SYMBOL[priority]} {n} ", style)
    return line


def _alarm_list(
    alarms: Sequence[AlarmLine], width: int, height: int, glyphs: Glyphs
) -> list[Segments]:
    """Return a heading and the newest alarms, ``height`` lines at most."""
    heading = f"{glyphs.rule * 2} alarms "
    lines = [Line().add(heading + glyphs.rule * (width - len(heading)), theme.RULE).segments]
    if not alarms:
        lines.append(Line().add("    none yet", theme.LABEL).segments)
    return lines + [_alarm_line(alarm, width) for alarm in alarms[: height - 1]]


def _alarm_line(alarm: AlarmLine, width: int) -> Segments:
    roomy = width >= 110
    fresh = alarm.change is TransitionKind.RAISED
    colour = theme.COLOUR[alarm.priority]
    style = Style.parse(f"bold {colour}" if fresh else colour)
    line = Line().add(" ").add(alarm.clock, theme.LABEL, 8, right=True).add("  ")
    line.add(theme.SYMBOL[alarm.priority], style, 3, right=True).add(" ")
    line.add(alarm.priority.value, style, 7).add(alarm.bed, theme.LABEL, 3, right=True).add(" ")
    line.add(alarm.patient, theme.STRONG if fresh else theme.PLAIN, 14 if roomy else 9).add(" ")
    line.add(alarm.condition.replace("_", " "), style, 26 if roomy else 23).add(" ")
    line.add(alarm.change.value, theme.PLAIN if fresh else theme.LABEL, 13)
    line.add(alarm.detail, theme.LABEL)
    return line.segments


def _legend(note: str, width: int, glyphs: Glyphs) -> Segments:
    """Return the line at the bottom; the note goes before what it leaves no room for."""
    line = Line().add(" ")
    for priority in theme.URGENCY:
        style = Style.parse(theme.COLOUR[priority])
        line.add(f"{theme.SYMBOL[priority]} {priority.value}", style).add("  ")
    line.add(f"{glyphs.latched} latched  {glyphs.acknowledged} acknowledged", theme.LABEL)
    beats = Line().add("  V", theme.MARK["V"]).add(" ventricular", theme.LABEL)
    beats.add("  S", theme.MARK["S"]).add(" supraventricular", theme.LABEL)
    ending = Line().add(f"  {glyphs.dot} {note}" if note else "", theme.LABEL)
    if line.cells + beats.cells + ending.cells <= width:
        line.segments += beats.segments
    return line.segments + ending.segments
