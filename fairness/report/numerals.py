"""Figures as people write them: percent, decimals that the interval bears, no ``nan``."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from fairness.report.words import Kind
from fairness.result import Estimate

NOT_ESTIMABLE = "not estimable"
"""Where there is no figure."""

_DECIMALS = {"share": (1, 2), "number": (2, 3), "per_hour": (1, 3), "seconds": (1, 2)}
_UNITS = {"share": " %", "number": "", "per_hour": " /h", "seconds": " s"}
_STEPS = {"share": " points", "number": "", "per_hour": " /h", "seconds": " s"}


@dataclass(frozen=True, slots=True)
class Style:
    """How the figures of one metric are written."""

    kind: Kind
    """What they are."""
    decimals: int
    """Digits after the point."""

    @property
    def scale(self) -> float:
        """Factor from the metric's own unit to the written one."""
        return 100.0 if self.kind == "share" else 1.0

    @property
    def unit(self) -> str:
        """Unit of a figure, with the space before it."""
        return _UNITS[self.kind]

    @property
    def step_unit(self) -> str:
        """Unit of a difference, with the space before it: percent differ by points."""
        return _STEPS[self.kind]

    def bare(self, value: float, *, signed: bool = False) -> str:
        """Write a figure without its unit.

        Examples
        --------
        >>> Style("share", 1).bare(-0.0123, signed=True)
        '−1.2'
        >>> Style("share", 1).bare(-0.0001, signed=True)
        '0.0'
        """
        if not math.isfinite(value):
            return NOT_ESTIMABLE
        text = f"{abs(value) * self.scale:.{self.decimals}f}"
        if not text.strip("0."):
            return text
        return f"{'−' if value < 0 else '+' if signed else ''}{text}"

    def value(self, value: float) -> str:
        """Write a figure with its unit.

        Examples
        --------
        >>> Style("share", 1).value(0.98123)
        '98.1 %'
        """
        return self.bare(value) + (self.unit if math.isfinite(value) else "")

    def interval(self, estimate: Estimate) -> str:
        """Write an estimate with its interval.

        Examples
        --------
        >>> Style("share", 1).interval(Estimate(0.981, 0.97, 0.99))
        '98.1 % (97.0 to 99.0)'
        >>> Style("number", 2).interval(Estimate(0.9, float("nan"), float("nan")))
        '0.90 (no interval)'
        """
        return self._with_interval(self.value(estimate.value), estimate, signed=False)

    def difference(self, estimate: Estimate, *, unit: bool = True) -> str:
        """Write a difference with its interval, signed.

        Examples
        --------
        >>> Style("share", 1).difference(Estimate(-0.012, -0.023, 0.001))
        '−1.2 points (−2.3 to +0.1)'
        """
        text = self.bare(estimate.value, signed=True)
        if unit and math.isfinite(estimate.value):
            text += self.step_unit
        return self._with_interval(text, estimate, signed=True)

    def margin(self, margin: float) -> str:
        """Write a margin, exactly.

        Examples
        --------
        >>> Style("share", 1).margin(0.025)
        '±2.5 points'
        """
        return f"±{margin * self.scale:.6g}{self.step_unit}"

    def _with_interval(self, text: str, estimate: Estimate, *, signed: bool) -> str:
        if not math.isfinite(estimate.value):
            return NOT_ESTIMABLE
        if not math.isfinite(estimate.low) and not math.isfinite(estimate.high):
            return f"{text} (no interval)"
        low = self.bare(estimate.low, signed=signed) if math.isfinite(estimate.low) else "open"
        high = self.bare(estimate.high, signed=signed) if math.isfinite(estimate.high) else "open"
        return f"{text} ({low} to {high})"


def style_for(kind: Kind, estimates: Iterable[Estimate], values: Iterable[float] = ()) -> Style:
    """Choose the decimals: half a typical interval keeps a digit, and only all is 100 %.

    Parameters
    ----------
    kind
        What the figures are.
    estimates
        Figures and differences with intervals, in the metric's own unit.
    values
        Figures that must not be rounded up to all.

    Examples
    --------
    >>> style_for("share", [Estimate(0.5, 0.3, 0.7)]).decimals
    1
    >>> style_for("share", [Estimate(0.999, 0.9985, 0.9995)]).decimals
    2
    >>> style_for("share", [], [0.9998]).value(0.9998)
    '99.98 %'
    """
    least, most = _DECIMALS[kind]
    scale = 100.0 if kind == "share" else 1.0
    widths = [
        (e.high - e.low) / 2 * scale
        for e in estimates
        if math.isfinite(e.high - e.low) and e.high > e.low
    ]
    digits = -math.floor(math.log10(statistics.median(widths))) if widths else least
    if kind == "share" and any(round(v * scale, 1) >= scale > v * scale for v in values):
        digits = most
    return Style(kind, min(max(digits, least), most))


def count(number: float) -> str:
    """Write a whole number with commas between thousands.

    Examples
    --------
    >>> count(1234567), count(float("nan"))
    ('1,234,567', 'not known')
    """
    return f"{number:,.0f}" if math.isfinite(number) else "not known"


def p_value(p: float) -> str:
    """Write a p-value.

    Examples
    --------
    >>> p_value(0.0312), p_value(0.00002), p_value(float("nan"))
    ('0.031', '< 0.001', 'not estimable')
    """
    if not math.isfinite(p):
        return NOT_ESTIMABLE
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def counted(number: int, one: str, many: str) -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> counted(1, "patient", "patients"), counted(12, "patient", "patients")
    ('1 patient', '12 patients')
    """
    return f"{count(number)} {one if number == 1 else many}"
