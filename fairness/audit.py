"""The audit: a cohort and a declaration in, everything that can be said out."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version

import numpy as np
import pandas as pd

from fairness.adjustment import NOTHING, adjusted
from fairness.bootstrap import Draws, draw, rounds_for
from fairness.build import build_cohort
from fairness.cohort import Cohort, Grouping
from fairness.comparisons import Contrast, contrast_of, pairs, settle
from fairness.confidence import nothing
from fairness.declaration import Declaration, MetricDeclaration, MetricName
from fairness.equivalence import overall
from fairness.estimation import Condition, Figure, Members
from fairness.gaps import gaps as largest_gaps
from fairness.limits import limits
from fairness.measures import MEASURES
from fairness.methods import methods
from fairness.parity import parity
from fairness.pooling import pool
from fairness.provenance import table_digest
from fairness.result import (
    OVERALL,
    UNKNOWN,
    AuditResult,
    Estimate,
    Gap,
    GroupMetric,
    Parity,
    Provenance,
)
from fairness.sentences import summary
from fairness.shown import calibration_curves, cohort_rows, delay_curves
from fairness.sufficiency import scored, shortfall

Progress = Callable[[int, int], None]
"""Told how many parts of the work are done, and of how many."""
DRAWS, DEALS = 1, 2
"""What chance is used for: drawing patients, and dealing groups out anew."""


def audit(
    cohort: Cohort,
    declaration: Declaration,
    provenance: Provenance,
    progress: Progress | None = None,
) -> AuditResult:
    """Audit a cohort as declared.

    Parameters
    ----------
    cohort
        Of :func:`fairness.build.build_cohort`, with the same declaration.
    declaration
        Metrics, groups, margins, error rates, seed: the same give the same result.
    provenance
        What was audited.
    progress
        Called as the work goes on.
    """
    return _Audit(cohort, declaration, progress).result(provenance)


def audit_tables(
    predictions: pd.DataFrame,
    subjects: pd.DataFrame,
    declaration: Declaration,
    provenance: Provenance | None = None,
) -> AuditResult:
    """Audit two tables as declared.

    Parameters
    ----------
    predictions
        A row a unit; :data:`fairness.tables.PREDICTION_COLUMNS`.
    subjects
        A row a patient.
    declaration
        What is audited.
    provenance
        What was audited; by default the digests of the tables, and of no model.

    Raises
    ------
    AuditError
        If a table, or what is declared, cannot be used.
    """
    if provenance is None:
        provenance = Provenance(
            data_sha256=table_digest(predictions),
            subjects_sha256=table_digest(subjects),
            declaration_sha256=sha256(declaration.model_dump_json().encode()).hexdigest(),
            model="",
            model_sha256="",
            vigil_version=version("vigil-ecg"),
        )
    return audit(build_cohort(predictions, subjects, declaration), declaration, provenance)


class _Audit:
    """One audit at work: what is shared by its parts is made once."""

    def __init__(self, cohort: Cohort, declaration: Declaration, progress: Progress | None) -> None:
        self.cohort, self.declaration, self.progress = cohort, declaration, progress
        self.conditions: dict[str, Condition] = {}
        self.figures: dict[tuple[str, MetricName, bytes], Figure] = {}
        self.level = declaration.confidence
        self.done = 0
        self.total = len(declaration.metrics) * len(cohort.groupings) + len(cohort.units)

    def result(self, provenance: Provenance) -> AuditResult:
        for name, units in self.cohort.units.items():
            asked = tuple(m.name for m in self.declaration.metrics if m.condition == name)
            self.conditions[name] = Condition(units, self.cohort, asked)
            self._advance()
        declared = self.declaration.metrics
        rounds = rounds_for(len(self.cohort.patients), self.declaration.rounds)
        metrics = [self._overall(metric) for metric in declared]
        contrasts: list[Contrast] = []
        gaps: list[Gap] = []
        differences: list[Parity] = []
        for place, grouping in enumerate(self.cohort.groupings):
            often = draw(grouping.code, rounds, self._rng(DRAWS, place))
            rows = {metric: self._group_metrics(metric, grouping) for metric in declared}
            for metric in declared:
                contrasts += self._contrasts(metric, grouping, often)
                self._advance()
            metrics += [row for of in rows.values() for row in of]
            gaps += self._gaps(grouping, rows, place)
            differences += [
                parity(condition, grouping, self.declaration, often)
                for condition in self.conditions.values()
            ]
        comparisons = settle(contrasts, self.declaration)
        return AuditResult(
            title=self.declaration.title,
            verdict=overall([one.verdict for one in comparisons if one.primary]),
            reasons=summary(comparisons, self.declaration.alpha),
            declaration=self.declaration.model_dump(mode="json"),
            provenance=provenance,
            cohort=cohort_rows(self.cohort, self.conditions),
            metrics=tuple(metrics),
            comparisons=tuple(comparisons),
            gaps=tuple(gaps),
            parity=tuple(differences),
            calibration=calibration_curves(self.cohort, self.conditions, self._figure, self.level),
            delays=delay_curves(self.cohort, self.conditions),
            limits=limits(self.cohort, self.declaration, self.conditions, metrics, comparisons),
            methods=methods(self.cohort, self.declaration),
        )

    def _advance(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)

    def _figure(self, condition: str, name: MetricName, members: Members) -> Figure:
        key = (condition, name, np.packbits(members).tobytes())
        if key not in self.figures:
            self.figures[key] = self.conditions[condition].figure(name, members)
        return self.figures[key]

    def _everyone(self) -> Members:
        return np.ones(len(self.cohort.patients), bool)

    def _rng(self, *path: int) -> np.random.Generator:
        """Give a source of chance that does not depend on what was drawn before."""
        return np.random.default_rng([self.declaration.seed, *path])

    def _overall(self, metric: MetricDeclaration) -> GroupMetric:
        figure = self._figure(metric.condition, metric.name, self._everyone())
        estimate = figure.confidence.estimate(self.level)
        lacking = self._shortfall(metric, self._everyone())
        return self._row(metric, OVERALL, OVERALL, figure, estimate, lacking)

    def _group_metrics(self, metric: MetricDeclaration, grouping: Grouping) -> list[GroupMetric]:
        members = [grouping.code == group for group in range(len(grouping.names))]
        figures = [self._figure(metric.condition, metric.name, who) for who in members]
        known = [
            nothing(figure.confidence.value) if name == UNKNOWN else figure.compared
            for name, figure in zip(grouping.names, figures, strict=True)
        ]
        level, scale = self.level, MEASURES[metric.name].scale
        pooled = pool(known, scale, level)
        return [
            self._row(
                metric,
                grouping.attribute,
                name,
                figure,
                figure.confidence.estimate(level) if name == UNKNOWN else drawn,
                self._shortfall(metric, who),
            )
            for name, figure, drawn, who in zip(
                grouping.names, figures, pooled, members, strict=True
            )
        ]

    def _row(
        self,
        metric: MetricDeclaration,
        attribute: str,
        group: str,
        figure: Figure,
        pooled: Estimate,
        lacking: str,
    ) -> GroupMetric:
        return GroupMetric(
            condition=metric.condition,
            metric=metric.name,
            attribute=attribute,
            group=group,
            patients=figure.patients,
            numerator=figure.numerator,
            denominator=figure.denominator,
            estimate=figure.confidence.estimate(self.level),
            pooled=pooled,
            mean_over_patients=figure.mean_over_patients,
            shortfall=lacking,
        )

    def _shortfall(self, metric: MetricDeclaration, members: Members) -> str:
        condition = self.conditions[metric.condition]
        return shortfall(condition, metric.name, members, self.declaration)

    def _contrasts(
        self, metric: MetricDeclaration, grouping: Grouping, often: Draws
    ) -> list[Contrast]:
        condition = self.conditions[metric.condition]
        if not condition.estimable(metric.name):
            return []
        strata = self.cohort.strata_beside(grouping.parts)
        out = []
        for pair in pairs(grouping, scored(condition, metric.name)):
            group = grouping.code == pair.group
            reference = np.isin(grouping.code, pair.others)
            inside = NOTHING
            if strata.columns:
                inside = adjusted(
                    condition,
                    metric.name,
                    group,
                    reference,
                    strata,
                    often,
                    self.level,
                )
            sides = [self._figure(metric.condition, metric.name, who) for who in (group, reference)]
            lacking = [self._shortfall(metric, who) for who in (group, reference)]
            out.append(
                contrast_of(
                    metric,
                    grouping,
                    pair,
                    (sides[0], sides[1]),
                    (lacking[0], lacking[1]),
                    (inside, strata.columns),
                )
            )
        return out

    def _gaps(
        self, grouping: Grouping, rows: dict[MetricDeclaration, list[GroupMetric]], place: int
    ) -> list[Gap]:
        found = []
        for number, (name, condition) in enumerate(self.conditions.items()):
            own = {metric.name: of for metric, of in rows.items() if metric.condition == name}
            rng = self._rng(DEALS, place, number)
            rounds = self.declaration.rounds
            found += largest_gaps(
                condition, grouping, own, rounds=rounds, level=self.level, rng=rng
            )
        return found
