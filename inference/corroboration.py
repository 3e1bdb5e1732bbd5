"""What pulses say of an alarm that the ECG raises: confirm it, veto it, or nothing.

The rules, after what worked in the PhysioNet/CinC Challenge 2015 (Plesinger et al. 2016, Kalidas
and Tamil 2016, Eerikainen et al. 2016: pulses that go on refute asystole and fibrillation, pulses
at another rate refute a rate), with bounds from physiology:

======================== ================================= ==================================
condition                veto                              confirm
======================== ================================= ==================================
asystole, pause          pulses go on                      no pulse, though there were before
ventricular fibrillation pulses go on                      no pulse, though there were before
ventricular tachycardia  pulses undisturbed through it,    pulses weaken, fail or race
                         at a rate below the limit
bradycardia (both)       pulses regular and faster         pulses as slow
tachycardia (both)       pulses regular and slower         pulses as fast
======================== ================================= ==================================

A lead that is off, flat, noisy, or never had regular pulses says nothing. A veto of one lead
stands unless the other confirms. What a veto rests on has to go on: see
:mod:`inference.corroboration_gate`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from inference.conditions import Code
from inference.limits import Limits
from inference.pulse_leads import PulseKind
from inference.pulse_train import ALIKE, USUAL_PULSES, PulseTrain, Stretch


class Verdict(StrEnum):
    """What pulses say of an alarm."""

    CONFIRMED = "confirmed"
    """The circulation shows it too."""
    VETOED = "vetoed"
    """The circulation shows that it is not so."""
    NONE = "no_evidence"
    """The pulse leads cannot be read, or do not decide it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one lead, or all of them, say of one alarm."""

    verdict: Verdict
    """What they say."""
    reason: str
    """Why, as a fixed word."""
    kind: PulseKind | None = None
    """The lead that says it."""
    n_pulses: int = 0
    """Pulses that it rests on."""
    rate_bpm: float | None = None
    """Their mean rate, bpm; None of less than two."""
    from_ms: int | None = None
    """Begin of the stretch that was looked at, on the stream's clock, ms."""
    to_ms: int | None = None
    """Its end, ms."""


REASONS = (
    "unreadable", "no_train", "undecided", "too_soon", "lapsed", "pulses_go_on", "no_pulse",
    "rate_agrees", "rate_differs", "undisturbed", "disturbed",
)  # fmt: skip
"""The words that reasons are given in; ``too_soon`` is what may become a veto with more pulses."""

HOLD_MS: dict[Code, int] = {
    Code.VENTRICULAR_FIBRILLATION: 2000,
    Code.ASYSTOLE: 2000,
    Code.SUSTAINED_VENTRICULAR_TACHYCARDIA: 2400,
    Code.VENTRICULAR_TACHYCARDIA: 2400,
    Code.EXTREME_BRADYCARDIA: 0,
    Code.EXTREME_TACHYCARDIA: 0,
    Code.PAUSE: 0,
    Code.BRADYCARDIA: 0,
    Code.TACHYCARDIA: 2000,
}
"""Conditions that pulses are asked about, and the longest that each waits for them where they can
be read, ms. With it all lethal ones are told within 10 s of their onset (AAMI EC13)."""

TACHYCARDIAS = (Code.SUSTAINED_VENTRICULAR_TACHYCARDIA, Code.VENTRICULAR_TACHYCARDIA)
"""Those of the ventricles, which undisturbed pulses veto."""
TRANSIT_MS = 1000
"""A beat's pulse comes at most so long behind its R-peak, ms: up to 0.5 s to a finger, the rest
is what monitors' filters take (bidmc: up to 0.8 s)."""
LAST_MS = 6000
"""Pulses of the last so many ms are looked at, where there is more, ms."""
LEAST_MS = {Code.PAUSE: 1600}
"""Stretch without which nothing is said, ms, where it is not the usual one."""
USUAL_LEAST_MS = 2600
LEAST_PULSES = {Code.PAUSE: 2}
"""Pulses that make a veto, where they are not as many as usual."""
USUAL_LEAST_PULSES = 3
LONGEST_GAP_MS = 2000
"""A longer time without a pulse is not pulses going on, ms: 30 a minute."""
REGULAR, STEADY = 2.2, 1.6
"""Longest interval over shortest: pulses that go on, in atrial fibrillation too; and one rhythm."""
CLEAN_SHARE, UPHELD_SHARE = 0.75, 0.5
"""Share of strong pulses among all that were found, for a veto, and for one to go on."""
UNDISTURBED = 0.2
"""Share by which intervals of undisturbed pulses differ from the usual one."""
FAILED = 1.6
"""Times the usual interval without a pulse, behind which one has failed."""
STRONG_ENOUGH = 0.5
"""Strength under which a pulse has weakened."""
LEAST_BEFORE = 5
"""Pulses before a run without which it is not known what is usual."""
LEAST_RATE_PULSES = 4
"""Pulses that tell a rate."""
ARREST_MMHG = 60.0
"""Mean pressure under which absence of pulses confirms: above, the line is damped or flushed."""

SILENT = (Code.ASYSTOLE, Code.PAUSE, Code.VENTRICULAR_FIBRILLATION)
"""Conditions in which no pulse is expected."""


_UNDECIDED = Verdict.NONE, "undecided"
_TOO_SOON = Verdict.NONE, "too_soon"


def judge(
    code: Code,
    onset_ms: int,
    trains: Sequence[PulseTrain],
    limits: Limits,
    *,
    upheld: bool = False,
) -> Finding:
    """Ask all pulse leads of a stream about one condition.

    Parameters
    ----------
    code : Code
        One of ``HOLD_MS``.
    onset_ms : int
        Its onset on the stream's clock, ms.
    trains : sequence of PulseTrain
        The leads at one moment.
    limits : Limits
        Limits in force.
    upheld : bool
        It was vetoed before: of pulses that go on no order is asked any more.

    Returns
    -------
    Finding
        A veto unless another lead confirms; else what confirms; else why nothing is said.
    """
    found = [_ask(code, onset_ms, train, limits, upheld) for train in trains]
    confirming = [each for each in found if each.verdict is Verdict.CONFIRMED]
    vetoing = [each for each in found if each.verdict is Verdict.VETOED]
    if vetoing and not confirming:
        return vetoing[0]
    if confirming and not vetoing:
        return confirming[0]
    if vetoing:
        return Finding(Verdict.NONE, "undecided")
    readable = [each for each in found if each.reason != "unreadable"]
    return (readable or found or [Finding(Verdict.NONE, "unreadable")])[0]


def _ask(code: Code, onset_ms: int, train: PulseTrain, limits: Limits, upheld: bool) -> Finding:
    """Ask one lead."""
    from_ms = max(onset_ms + TRANSIT_MS, train.known_ms - LAST_MS)
    if not train.readable(min(from_ms, train.now_ms - USUAL_LEAST_MS)):
        return Finding(Verdict.NONE, "unreadable")
    before = train.between(train.now_ms - 2 * LAST_MS, onset_ms)
    if not has_train(train, from_ms):
        return Finding(Verdict.NONE, "no_train", train.kind)
    stretch = train.between(from_ms, train.known_ms)
    if code in SILENT:
        verdict, reason = _of_silence(code, stretch, train, upheld)
    elif code in TACHYCARDIAS:
        stretch = train.between(max(onset_ms, train.known_ms - LAST_MS), train.known_ms)
        verdict, reason = _of_run(stretch, before, limits)
    else:
        verdict, reason = _of_rate(code, stretch, limits)
    return Finding(
        verdict, reason, train.kind, len(stretch), stretch.rate_bpm, stretch.from_ms, stretch.to_ms
    )


def has_train(train: PulseTrain, to_ms: int) -> bool:
    """Tell whether regular pulses were seen: only then do pulses or their absence mean anything.

    Parameters
    ----------
    train : PulseTrain
        The lead.
    to_ms : int
        Begin of what is to be judged: pulses after it count too, since an artefact of the ECG
        often begins before the alarm and disturbs nothing else.
    """
    strong = train.between(train.now_ms - 2 * LAST_MS, train.known_ms).only_strong()
    if len(strong) < LEAST_RATE_PULSES:
        return False
    intervals = np.diff(strong.at_ms)
    usual = float(np.median(intervals))
    alike = np.abs(intervals - usual) <= 0.3 * usual
    return bool(alike.sum() >= LEAST_RATE_PULSES - 1 and alike.mean() >= 0.5)


def _of_silence(
    code: Code, stretch: Stretch, train: PulseTrain, upheld: bool
) -> tuple[Verdict, str]:
    """Ask whether pulses go on in asystole, pause or fibrillation."""
    short = stretch.to_ms - stretch.from_ms < LEAST_MS.get(code, USUAL_LEAST_MS)
    strong = stretch.only_strong()
    if not len(strong):
        fallen = train.kind is not PulseKind.PRESSURE or train.level < ARREST_MMHG
        return (Verdict.CONFIRMED, "no_pulse") if fallen and not short else _UNDECIDED
    goes_on = (
        len(strong) >= (UPHELD_SHARE if upheld else CLEAN_SHARE) * len(stretch)
        and strong.longest_gap_ms <= LONGEST_GAP_MS
        and (upheld or len(strong) < 3 or strong.are_regular(REGULAR))
    )
    if not goes_on:
        return _UNDECIDED
    few = len(strong) < LEAST_PULSES.get(code, USUAL_LEAST_PULSES)
    return _TOO_SOON if short or few else (Verdict.VETOED, "pulses_go_on")


def _of_run(stretch: Stretch, before: Stretch, limits: Limits) -> tuple[Verdict, str]:
    """Ask whether a run of ventricular beats disturbed the pulses."""
    if len(before) < LEAST_BEFORE:
        return _UNDECIDED
    usual_ms = float(np.median(np.diff(before.at_ms[-USUAL_PULSES - 1 :])))
    times_ms = [int(before.at_ms[-1]), *stretch.at_ms.tolist()]
    if np.diff([*times_ms, stretch.to_ms]).max() > FAILED * usual_ms:
        return Verdict.CONFIRMED, "disturbed"
    rate = 60_000.0 / usual_ms if len(times_ms) < 3 else stretch.rate_bpm or 0.0
    if (stretch.strength < STRONG_ENOUGH).any() or rate > limits.vt_bpm:
        return Verdict.CONFIRMED, "disturbed"
    same = bool((np.abs(np.diff(times_ms) - usual_ms) <= UNDISTURBED * usual_ms).all())
    slower = rate < limits.vt_bpm - limits.rate_margin_bpm
    if not (same and slower and stretch.are_strong(ALIKE)):
        return _UNDECIDED
    short = stretch.to_ms - stretch.from_ms < TRANSIT_MS + USUAL_LEAST_MS
    return _TOO_SOON if short or len(stretch) < 2 else (Verdict.VETOED, "undisturbed")


_RATES: dict[Code, tuple[int, Callable[[Limits], float]]] = {
    Code.EXTREME_BRADYCARDIA: (-1, lambda limits: limits.extreme_bradycardia_bpm),
    Code.BRADYCARDIA: (-1, lambda limits: limits.bradycardia_bpm),
    Code.EXTREME_TACHYCARDIA: (1, lambda limits: limits.extreme_tachycardia_bpm),
    Code.TACHYCARDIA: (1, lambda limits: limits.tachycardia_bpm),
}


def _of_rate(code: Code, stretch: Stretch, limits: Limits) -> tuple[Verdict, str]:
    """Ask whether the pulses' rate is another than the beats'."""
    sign, limit = _RATES[code]
    rate = stretch.rate_bpm
    if rate is None:
        return _TOO_SOON if len(stretch) else _UNDECIDED
    beyond_bpm = sign * (rate - limit(limits))
    few = len(stretch) < (LEAST_RATE_PULSES if sign > 0 else USUAL_LEAST_PULSES)
    short = few or stretch.to_ms - stretch.from_ms < USUAL_LEAST_MS
    if beyond_bpm >= -limits.rate_margin_bpm:
        return _UNDECIDED if short else (Verdict.CONFIRMED, "rate_agrees")
    steady = stretch.are_regular(STEADY) or len(stretch) < 3
    whole = stretch.longest_gap_ms <= LONGEST_GAP_MS and stretch.are_strong(ALIKE)
    far = beyond_bpm < -2 * limits.rate_margin_bpm
    if not (steady and whole and far) or stretch.alternates:
        return _UNDECIDED
    return _TOO_SOON if short else (Verdict.VETOED, "rate_differs")


def slow_pulses(trains: Sequence[PulseTrain], limits: Limits) -> Finding | None:
    """Tell whether the last pulses are those of an extreme bradycardia, by its own definition.

    Parameters
    ----------
    trains : sequence of PulseTrain
        The leads at one moment.
    limits : Limits
        Limits in force: so many pulses, all as far apart as the limit or farther, so that no
        single beat that ejects nothing pulls the mean down.

    Returns
    -------
    Finding or None
        What says so: as many pulses as beats would be needed, all of them strong, none weaker
        among them that may have been missed, none overdue.
    """
    n, limit = limits.extreme_bradycardia_beats, limits.extreme_bradycardia_bpm
    for train in trains:
        if len(train.at_ms) < n:
            continue
        last = train.between(int(train.at_ms[-n]), train.known_ms)
        rate = last.rate_bpm
        if (
            rate is not None
            and np.diff(last.at_ms).min() > 60_000.0 / limit
            and last.are_strong()
            and last.longest_gap_ms < limits.asystole_ms
            and train.readable(last.from_ms)
        ):
            return Finding(
                Verdict.CONFIRMED, "rate_agrees", train.kind, n, rate, last.from_ms, last.to_ms
            )
    return None
