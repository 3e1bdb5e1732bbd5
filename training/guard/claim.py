"""Figures that may stand as a headline: made only of a claim in which nothing leaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingest.errors import InputError
from training.ec57 import (
    Evaluation,
    MeanRates,
    Tally,
    average,
    denominators,
    gross,
    patients,
    peaks,
    rates,
)
from training.ec57.counted import PEAKS
from training.ec57.summary import BEAT_KINDS, BeatKind
from training.guard.causal import MAX_LOOK_AHEAD_S
from training.guard.fitted import Fitted
from training.guard.held_out import Look
from training.guard.order import require_not_grouped
from training.splits import DS2, SAME_PATIENT

MIN_PATIENTS = 10
"""Patients below which no headline is given: their bootstrap interval would say nothing."""
DECLARED = frozenset({"mitdb/201"})
"""Overlap of DS1 and DS2 as published; figures are given without it too."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What has to be known of an evaluation before its figures may be published."""

    model: Fitted[str]
    """Its name, and everybody it was made from: trained, stopped early, thresholds chosen."""
    evaluation: Evaluation
    """What came of the R-peaks that the system detected itself."""
    reference: Evaluation | None = None
    """The same records at the reference's R-peaks; needed where beats are classified."""
    look_ahead_s: float
    """How far past a beat the system looks, s, as measured."""
    look: Look | None = None
    """Leave to look at DS2, where a record is of DS2."""
    kinds: tuple[BeatKind, ...] = BEAT_KINDS
    """Kinds of beats that the headline is about."""

    def faults(self) -> list[str]:
        """Say everything that forbids a headline; empty where nothing does."""
        return [*self._patient_faults(), *self._peak_faults(), *self._time_faults()]

    def _patient_faults(self) -> Iterator[str]:
        tested = patients(self.evaluation)
        if both := self.model.overlap(tested, DECLARED):
            yield (
                f"patient overlap: {self.model.what} was made from {', '.join(both)}, who is "
                "tested (a split at random over beats or records does this): split by patient"
            )
        if len(tested) < MIN_PATIENTS:
            yield (
                f"too few patients: {len(tested)} (ECG5000 is one person); a headline needs "
                f"{MIN_PATIENTS}"
            )
        if self.look is None and (looked := ds2_records(self.evaluation)):
            yield (
                f"DS2: {len(looked)} of its records are looked at without a reason that is "
                "logged: nothing may be chosen on them"
            )

    def _peak_faults(self) -> Iterator[str]:
        if peaks(self.evaluation.records) == "reference":
            yield (
                "reference R-peaks: test beats lie on the reference's own: detection was not "
                "tested; give figures of detected R-peaks, and these beside them"
            )
        if self.reference is None:
            if set(self.kinds) - {"qrs"}:
                yield "reference R-peaks: beat classes are to be reported at these too, beside"
            return
        if {r.record for r in self.reference.records} != {
            r.record for r in self.evaluation.records
        }:
            yield "reference R-peaks: not of the same records"
        if self.reference.mapping.name != self.evaluation.mapping.name:
            yield "AAMI mapping: another one at reference R-peaks than at detected ones"

    def _time_faults(self) -> Iterator[str]:
        if not 0 <= self.look_ahead_s <= MAX_LOOK_AHEAD_S:
            yield (
                f"look-ahead: {self.look_ahead_s:g} s past the beat; at most "
                f"{MAX_LOOK_AHEAD_S:g} s are allowed, for that is latency"
            )
        try:
            require_not_grouped(
                (r.record, [p.cell[0] for p in r.beats.pairs if p.ref_sample is not None])
                for r in self.evaluation.records
            )
        except InputError as error:
            yield f"label order: {error}"

    def headline(self) -> Headline:
        """Give the figures.

        Raises
        ------
        ingest.errors.InputError
            Naming every fault.
        """
        if faults := self.faults():
            raise InputError(f"no headline from these figures: {'; '.join(faults)}")
        found = self.evaluation.records
        return Headline(self, gross(found), average(found))


@dataclass(frozen=True)
class Headline:
    """Figures for publication, with all that they mean nothing without.

    Raises
    ------
    ingest.errors.InputError
        If means over records stand where gross counts belong, or the other way round, or the
        claim has faults.
    """

    claim: Claim
    """What stands behind them."""
    gross: Mapping[BeatKind, Tally]
    """Counts over all beats."""
    mean: Mapping[BeatKind, MeanRates]
    """Means over records."""

    def __post_init__(self) -> None:
        if faults := self.claim.faults():
            raise InputError(f"no headline from these figures: {'; '.join(faults)}")
        for kind in self.claim.kinds:
            if not isinstance(self.gross.get(kind), Tally):
                raise InputError(
                    f"gross {kind.upper()} must be counts over all beats: a mean over records "
                    "is another figure"
                )
            if not isinstance(self.mean.get(kind), MeanRates):
                raise InputError(f"mean {kind.upper()} must be a mean over records")

    def lines(self) -> list[str]:
        """Write the figures: gross and mean, at both kinds of R-peaks, with and without a person.

        Percent throughout.
        """
        claim, found = self.claim, self.claim.evaluation
        rows = [("", found)]
        rows += [
            (f" without {record}", found.without(record))
            for record, twin in SAME_PATIENT.items()
            if f"mitdb/{twin}" in claim.model.patients
            and record in {r.record for r in found.records}
        ]
        lines = [f"{claim.model.value}: {denominators(found).describe()}"]
        for name, part in rows:
            lines += _rows(f"{PEAKS['detected']} R-peaks{name}", part, claim.kinds)
        if claim.reference is not None:
            lines += _rows("reference R-peaks", claim.reference, claim.kinds)
        return [
            *lines,
            f"AAMI mapping {found.mapping.name}: {found.mapping.describe()}",
            f"look-ahead {claim.look_ahead_s:g} s"
            + (f"; DS2 looked at: {claim.look.why}" if claim.look else ""),
        ]


def ds2_records(evaluation: Evaluation) -> list[str]:
    """Name the records of DS2 among those compared."""
    if evaluation.database != "mitdb":
        return []
    return sorted({record.record for record in evaluation.records} & set(DS2))


def _rows(name: str, evaluation: Evaluation, kinds: tuple[BeatKind, ...]) -> list[str]:
    """Write gross and mean rates of each kind."""
    total, mean = gross(evaluation.records), average(evaluation.records)
    rows = []
    for kind in kinds:
        for what, found in (("gross", rates(total[kind])), ("mean over records", mean[kind])):
            told = " ".join(
                f"{label} {'–' if value is None else format(value, '.2f')}"
                for label, value in (("Se", found.se), ("+P", found.ppv), ("F1", found.f1))
            )
            rows.append(f"{kind.upper()}, {name}, {what}: {told}")
    return rows
