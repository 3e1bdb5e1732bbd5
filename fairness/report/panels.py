"""One metric of one condition over all groups: what a forest plot and its table show."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from fairness.report.numerals import Style, style_for
from fairness.report.words import MetricWords, words_of
from fairness.result import OVERALL, UNKNOWN, AuditResult, Comparison, Estimate, GroupMetric


@dataclass(frozen=True, slots=True)
class PanelRow:
    """One group in a panel."""

    metric: GroupMetric
    """The group's own figure."""
    comparison: Comparison | None
    """The group beside its reference; ``None`` where it was not compared."""
    reference: bool = False
    """Whether others of its attribute are compared with it."""

    @property
    def known(self) -> bool:
        """Whether its difference could be estimated."""
        return self.comparison is not None and math.isfinite(self.comparison.difference.value)

    @property
    def silence(self) -> str:
        """Why no difference stands beside the group; empty where one does."""
        if self.known:
            return ""
        if self.metric.group == UNKNOWN:
            return "not known, never compared"
        if self.reference:
            return "reference" + (", too small" if self.metric.shortfall else "")
        if self.metric.shortfall:
            return self.metric.shortfall
        return "not compared" if self.comparison is None else self.comparison.reason


@dataclass(frozen=True, slots=True)
class Panel:
    """One metric of one condition."""

    condition: str
    """Condition."""
    metric: str
    """Metric."""
    words: MetricWords
    """The metric in words."""
    style: Style
    """How its figures are written."""
    overall: GroupMetric | None
    """Over all patients."""
    rows: tuple[PanelRow, ...]
    """Groups, those of an attribute together."""

    @property
    def title(self) -> str:
        """Metric and condition; the condition ``all`` goes without saying."""
        return name_of(self.words, self.condition)

    @property
    def margin(self) -> float:
        """Declared margin; ``nan`` where nothing was compared."""
        return next((r.comparison.margin for r in self.rows if r.comparison), math.nan)

    @property
    def primary(self) -> bool:
        """Whether the verdict rests on some of its comparisons."""
        return any(r.comparison.primary for r in self.rows if r.comparison)

    @property
    def counting(self) -> tuple[str, ...]:
        """Attributes that the verdict rests on."""
        primary = [r for r in self.rows if r.comparison and r.comparison.primary]
        return tuple(dict.fromkeys(r.metric.attribute for r in primary))

    @property
    def attributes(self) -> tuple[str, ...]:
        """Attributes, in order."""
        return tuple(dict.fromkeys(row.metric.attribute for row in self.rows))

    def of(self, attribute: str) -> tuple[PanelRow, ...]:
        """Return an attribute's rows."""
        return tuple(row for row in self.rows if row.metric.attribute == attribute)

    def with_rows(self, rows: Iterable[PanelRow]) -> Panel:
        """Return the panel with these rows only."""
        return replace(self, rows=tuple(rows))

    def only(self, attributes: Iterable[str]) -> Panel:
        """Return the panel with the rows of these attributes only."""
        wanted = set(attributes)
        return self.with_rows(row for row in self.rows if row.metric.attribute in wanted)


def name_of(words: MetricWords, condition: str) -> str:
    """Return a metric's name with its condition, where there is one to tell.

    Examples
    --------
    >>> name_of(words_of("auroc"), "VEB"), name_of(words_of("auroc"), "all")
    ('AUROC, VEB', 'AUROC')
    """
    return words.name if condition == "all" else f"{words.name}, {condition}"


def panels_of(result: AuditResult) -> tuple[Panel, ...]:
    """Return a panel for each metric and condition, in the order of the metrics."""
    keys = dict.fromkeys((m.condition, m.metric) for m in result.metrics)
    return tuple(_panel(result, condition, metric) for condition, metric in keys)


def _panel(result: AuditResult, condition: str, metric: str) -> Panel:
    figures = [m for m in result.metrics if (m.condition, m.metric) == (condition, metric)]
    compared = {
        (c.attribute, c.group): c
        for c in result.comparisons
        if (c.condition, c.metric) == (condition, metric)
    }
    references = {(c.attribute, c.reference) for c in compared.values()}
    rows = tuple(
        PanelRow(m, compared.get((m.attribute, m.group)), (m.attribute, m.group) in references)
        for attribute in dict.fromkeys(m.attribute for m in figures)
        for m in figures
        if m.attribute == attribute and attribute != OVERALL
    )
    words = words_of(metric)
    return Panel(
        condition,
        metric,
        words,
        style_for(
            words.kind,
            _telling(figures, compared.values()),
            [m.estimate.value for m in figures],
        ),
        next((m for m in figures if m.attribute == OVERALL), None),
        rows,
    )


def _telling(figures: Iterable[GroupMetric], compared: Iterable[Comparison]) -> Iterable[Estimate]:
    yield from (m.estimate for m in figures if not m.shortfall)
    yield from (c.difference for c in compared)
