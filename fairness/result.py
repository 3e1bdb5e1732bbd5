"""What an audit says: cohort, metrics by group, comparisons, verdicts. Plain values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

OVERALL = "overall"
"""Name of the attribute, and of the group, that all patients belong to."""
UNKNOWN = "unknown"
"""Group of the patients whose attribute is missing."""


class Verdict(StrEnum):
    """What is known of a disparity."""

    PASS = "pass"  # noqa: S105 - a verdict
    """The groups are shown to be equal within the margin."""
    FAIL = "fail"
    """They are shown to differ by more than the margin."""
    INSUFFICIENT = "insufficient evidence"
    """Neither is shown, or there are too few patients to say."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval; all are ``nan`` where nothing could be estimated."""

    value: float
    """Point estimate, in the metric's unit."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""


@dataclass(frozen=True, slots=True)
class CohortRow:
    """Who was in a group, and how much of each."""

    attribute: str
    """Attribute, or attributes joined by ``" × "``; :data:`OVERALL`."""
    group: str
    """Group; :data:`UNKNOWN` where the attribute is missing."""
    condition: str
    """Condition whose units are counted."""
    patients: int
    """Patients."""
    units: int
    """Units of analysis that were scored."""
    patients_with: int
    """Patients with at least one unit that has the condition."""
    patients_without: int
    """Patients with at least one unit that does not have it."""
    positives: int
    """Units that have the condition."""
    excluded: int
    """Units left out for their signal's quality."""
    monitored_h: float
    """Hours monitored; ``nan`` where the subjects do not tell."""


@dataclass(frozen=True, slots=True)
class GroupMetric:
    """One metric in one group."""

    condition: str
    """Condition."""
    metric: str
    """A :data:`fairness.declaration.MetricName`."""
    attribute: str
    """Attribute, or attributes joined by ``" × "``; :data:`OVERALL`."""
    group: str
    """Group."""
    patients: int
    """Patients that contribute to it."""
    numerator: float
    """What was counted, such as units found; ``nan`` where the metric is no ratio."""
    denominator: float
    """Out of how many; ``nan`` where the metric is no ratio."""
    estimate: Estimate
    """Over the group's units, with the interval over patients."""
    pooled: Estimate
    """Drawn towards the attribute's mean, as far as its patients are few."""
    mean_over_patients: float
    """Mean of the patients' own figures: each counts the same."""
    shortfall: str
    """Why it is too little to judge; empty where it is enough."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One group beside its reference."""

    condition: str
    """Condition."""
    metric: str
    """Metric."""
    attribute: str
    """Attribute."""
    group: str
    """Group."""
    reference: str
    """Whom it is compared with: a group, or ``rest``."""
    difference: Estimate
    """Group less reference, in the metric's unit."""
    ratio: Estimate
    """Group over reference."""
    adjusted: Estimate
    """Difference within the strata of ``adjusted_by``, weighted over them."""
    adjusted_by: tuple[str, ...]
    """What it was adjusted by; empty where there was nothing to adjust by."""
    margin: float
    """Declared margin."""
    p_differs: float
    """Of the hypothesis that the difference is within the margin, corrected for multiplicity."""
    p_equal: float
    """Of the hypothesis that it is not (two one-sided tests), not corrected."""
    primary: bool
    """Declared beforehand, and counted in the verdict; else explored."""
    verdict: Verdict
    """Of this comparison."""
    reason: str
    """The verdict in words."""
    patients_needed: int
    """Patients in the group that would settle it at the declared power; 0 where it is settled, -1
    where that cannot be told."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The largest difference within an attribute, beside what chance alone gives."""

    condition: str
    """Condition."""
    metric: str
    """Metric."""
    attribute: str
    """Attribute."""
    largest: float
    """Largest figure less smallest, over the groups with enough patients; ``nan`` below two."""
    ratio: float
    """Smallest figure over largest."""
    best_group: str
    """Group with the best figure; empty below two groups."""
    worst_group: str
    """Group with the worst figure; empty below two groups."""
    null_median: float
    """Median of the largest gap where groups are permuted over patients."""
    null_high: float
    """Its quantile at the declared confidence."""
    p_value: float
    """Share of permutations with at least this gap."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Summary differences by the names that the fairness literature gives them."""

    condition: str
    """Condition."""
    attribute: str
    """Attribute."""
    equal_opportunity_difference: Estimate
    """Largest difference of sensitivity between groups with enough patients."""
    equalized_odds_difference: Estimate
    """The larger of those of sensitivity and of false-positive rate."""
    demographic_parity_difference: Estimate
    """Largest difference of the share that is called."""


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """One bin of a calibration curve."""

    predicted: float
    """Mean score."""
    observed: Estimate
    """Share that has the condition."""
    units: int
    """Units in the bin."""


@dataclass(frozen=True, slots=True)
class CalibrationCurve:
    """How far scores can be taken as probabilities, in one group."""

    condition: str
    """Condition."""
    attribute: str
    """Attribute."""
    group: str
    """Group."""
    bins: tuple[CalibrationBin, ...]
    """Bins with units, by ascending score."""
    intercept: Estimate
    """Calibration in the large; 0 is ideal."""
    slope: Estimate
    """Calibration slope; 1 is ideal."""
    ece: Estimate
    """Expected calibration error; 0 is ideal."""


@dataclass(frozen=True, slots=True)
class DelayCurve:
    """How late alarms come, in one group."""

    condition: str
    """Condition."""
    attribute: str
    """Attribute."""
    group: str
    """Group."""
    patients: int
    """Patients with alarms that found an onset."""
    quantiles: tuple[float, ...]
    """Quantiles, 0 to 1, that ``delay_s`` gives."""
    delay_s: tuple[float, ...]
    """Time from onset to alarm, s, at each quantile."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What was audited, so that anyone can tell whether it is the same."""

    data_sha256: str
    """Digest of the predictions."""
    subjects_sha256: str
    """Digest of the subjects."""
    declaration_sha256: str
    """Digest of the declaration."""
    model: str
    """Model and version, in words; empty where not told."""
    model_sha256: str
    """Digest of the model's file; empty where not told."""
    vigil_version: str
    """Version of this software."""
    data: str = ""
    """Data and protocol, in words: which records, how split."""


@dataclass(frozen=True, slots=True)
class AuditResult:
    """Everything an audit found; what the report is made of."""

    title: str
    """What was audited."""
    verdict: Verdict
    """Over all primary comparisons."""
    reasons: tuple[str, ...]
    """The verdict in sentences, the weightiest first."""
    declaration: dict[str, object]
    """The declaration, as plain values."""
    provenance: Provenance
    """Digests, model, version."""
    cohort: tuple[CohortRow, ...]
    """Who was in it."""
    metrics: tuple[GroupMetric, ...]
    """By group; the overall figures first."""
    comparisons: tuple[Comparison, ...]
    """Primary ones first."""
    gaps: tuple[Gap, ...] = ()
    """Of each metric and attribute."""
    parity: tuple[Parity, ...] = ()
    """Of each condition and attribute."""
    calibration: tuple[CalibrationCurve, ...] = ()
    """Where there are scores."""
    delays: tuple[DelayCurve, ...] = ()
    """Where alarms have delays."""
    limits: tuple[str, ...] = ()
    """What cannot be said, in sentences."""
    methods: tuple[str, ...] = field(default=())
    """How it was done, in sentences, with the seed."""
