"""Colours, symbols and flashing of the terminal view.

Priorities have the colours of IEC 60601-1-8, table 2: high red, flashing at 1.4 to
2.8 Hz; medium yellow, at 0.4 to 0.8 Hz; low cyan, constant. Each has a symbol and
a word beside its colour, since one man in twelve cannot tell red from green.
60601-1-8-style; nothing here claims more.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style

from inference.alarm_states import AlarmState
from inference.conditions import Priority

SYMBOL = {Priority.HIGH: "!!!", Priority.MEDIUM: "!!", Priority.LOW: "!"}
"""Mark of each priority, as monitors print it."""

COLOUR = {Priority.HIGH: "red", Priority.MEDIUM: "yellow", Priority.LOW: "cyan"}
"""Colour of each priority."""

FLASH_HZ = {Priority.HIGH: 2.0, Priority.MEDIUM: 0.6, Priority.LOW: 0.0}
"""Flashing of an active alarm, Hz; 0 is constant."""

SHORT = {
    "ventricular tachycardia": "VT",
    "sustained ventricular tachycardia": "sust. VT",
    "non sustained ventricular tachycardia": "NSVT",
    "supraventricular run": "SV run",
    "irregular rhythm": "irregular",
    "ventricular fibrillation": "VF",
    "atrial fibrillation": "AF",
    "extreme bradycardia": "ext. brady",
    "extreme tachycardia": "ext. tachy",
    "bradycardia": "brady",
    "tachycardia": "tachy",
    "arrhythmia suspended": "suspended",
    "unusual numerics": "unusual",
    "lost numerics": "no numerics",
}
"""Shorter names of conditions, for where the full one has no room."""

URGENCY = (Priority.HIGH, Priority.MEDIUM, Priority.LOW)
"""Most urgent first."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Characters that differ between a Unicode and a plain ASCII terminal."""

    heart: str
    """Beside the heart rate, at a beat."""
    quality: str
    """Four bars, rising."""
    no_quality: str
    """A bar that is not reached."""
    bar: str
    """At the left of a patient with an alarm."""
    rule: str
    """Of horizontal lines."""
    acknowledged: str
    """An alarm that somebody knows of."""
    latched: str
    """An alarm whose condition is over."""
    times: str
    """Multiplication sign."""
    dot: str
    """Between words."""
    dash: str
    """Where nothing is known."""


UNICODE = Glyphs("♥", "▂▄▆█", "·", "▌", "─", "✓", "◌", "×", "·", "–")
ASCII = Glyphs("*", "....", " ", "|", "-", "ok", "o", "x", "-", "-")

TITLE = Style.parse("bold white on dark_green")
LABEL = Style.parse("bright_black")
PLAIN = Style.null()
STRONG = Style.parse("bold")
RULE = Style.parse("bright_black")
HEART = Style.parse("bold red")
RATE = Style.parse("bold green")
TRACE = Style.parse("green")
TRACE_HEAD = Style.parse("bold bright_white")
TRACE_POOR = Style.parse("bright_black")
MARK = {"V": Style.parse("bold magenta"), "S": Style.parse("bold blue")}
MARK_OTHER = Style.parse("bold cyan")
"""Beats of classes F and Q."""


def quality_style(quality: float) -> Style:
    """Return the colour of a quality between 0 and 1."""
    if quality >= 0.7:
        return Style.parse("green")
    return Style.parse("yellow" if quality >= 0.4 else "red")


def badge_style(priority: Priority, state: AlarmState, elapsed_s: float) -> Style:
    """Return how an alarm looks at a moment.

    An active alarm stands on its colour and flashes between that and its colour
    on the background; acknowledged and latched ones are written in their colour only.

    Examples
    --------
    >>> str(badge_style(Priority.HIGH, AlarmState.ACTIVE, 0.0))
    'bold white on red'
    >>> str(badge_style(Priority.HIGH, AlarmState.ACTIVE, 0.3))
    'bold red'
    """
    colour = COLOUR[priority]
    if state is not AlarmState.ACTIVE:
        return Style.parse(f"{colour} {'italic' if state is AlarmState.LATCHED else ''}")
    flash_hz = FLASH_HZ[priority]
    if flash_hz and (elapsed_s * flash_hz) % 1.0 >= 0.5:
        return Style.parse(f"bold {colour}")
    return Style.parse(f"bold {'white' if priority is Priority.HIGH else 'black'} on {colour}")
