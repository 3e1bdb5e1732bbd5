"""Rows of predictions from one record's beats, matched and counted as EC57 does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ingest.errors import InputError
from training.audits.material import Counted, Reference
from training.audits.served import Served
from training.ec57 import DE_CHAZAL, STANDARD, BeatPair, Protocol, compare_beats, make_annotations

QRS, READABLE = "QRS", "readable"
"""Conditions: beats found; the same, beats left out where the signal was said to be unreadable."""
BEATS, NO_BEAT = "NSVFQ", "OX"
"""Rows of EC57's matrix that are reference beats, and that are none."""


@dataclass(frozen=True, slots=True)
class Class:
    """How EC57 counts one class of beats, of which the gross figures are published."""

    condition: str
    """Its name there."""
    letter: str
    """AAMI class."""
    pardoned: str
    """Reference classes that are neither right nor wrong when called so: they make no row."""


CLASSES = (Class("VEB", "V", "FQ"), Class("SVEB", "S", "FQ"))
"""EC57 lets Fv and Qv pass, and Qs; its gross figures, as the official sumstats makes them, Fs."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the predictions."""

    patient: str
    """Who."""
    condition: str
    """What is told."""
    unit: str
    """Record and sample; a false detection's with a plus."""
    time_s: float
    """Since the record began, s."""
    truth: int
    """1 where the condition was there."""
    prediction: int
    """1 where it was called."""
    score: float
    """Probability, 0 where no beat was found; ``nan`` in detection, which has none."""
    excluded: int
    """1 where the monitor had said that it cannot read the signal."""
    delay_s: float = np.nan
    """From onset to alarm, s; ``nan`` where nothing was found, and of beats."""


def rows_of(
    record: str,
    patient: str,
    reference: Reference,
    served: Served,
    counted: Counted,
    classes: tuple[str, ...],
) -> tuple[list[Row], float]:
    """Match the beats of one record and write a row for each unit.

    Parameters
    ----------
    record, patient : str
        Names.
    reference : Reference
        Signal and reference beats.
    served : Served
        What the pipeline said.
    counted : Counted
        The part that counts.
    classes : tuple of str
        Classes of the beat model, in the order of its probabilities; none for detection alone.

    Returns
    -------
    list of Row
        Of ``QRS`` and ``readable``, and of ``VEB`` and ``SVEB`` if there are classes.
    float
        Hours that count.

    Raises
    ------
    ingest.errors.InputError
        If nothing of the record counts.
    """
    fs = reference.recording.fs
    begin, end = span(reference, counted)
    if end <= begin:
        raise InputError(f"record {record}: nothing lies behind its first {counted.begin_s:g} s")
    test = make_annotations(np.array(served.sample, np.int64), served.aami, fs)
    # Whole records begin to be matched where EC57 begins; strips are matched whole and then cut.
    whole = counted.tail_s == 0 and not counted.annotated
    found = compare_beats(
        reference.beats,
        test,
        end_sample=reference.recording.n_samples,
        protocol=Protocol(learning_s=counted.begin_s if whole else 0.0),
        mapping=DE_CHAZAL,
    )
    score_of = {
        sample: dict(zip(classes, probs.tolist(), strict=False))
        for sample, probs in zip(served.sample, served.probs, strict=True)
    }
    rows: list[Row] = []
    for pair in found.pairs:
        at = pair.test_sample if pair.ref_sample is None else pair.ref_sample
        if at is None or not (whole or begin <= at <= end):
            continue
        unit = f"{record}:{'+' if pair.ref_sample is None else ''}{at}"
        scores = {} if pair.test_sample is None else score_of[pair.test_sample]
        gone = int(any(a <= at * 1000 / fs < b for a, b in served.unreadable_ms))
        for condition, truth, called, score, excluded in _units(pair, scores, gone, classes):
            rows.append(Row(patient, condition, unit, at / fs, truth, called, score, excluded))
    return rows, (end - begin) / fs / 3600


def span(reference: Reference, counted: Counted) -> tuple[float, float]:
    """Give the first and the last sample that counts.

    Parameters
    ----------
    reference : Reference
        Signal and reference beats.
    counted : Counted
        The rule.
    """
    fs, n_samples = reference.recording.fs, reference.recording.n_samples
    begin, end = counted.begin_s * fs, n_samples - counted.tail_s * fs
    if counted.annotated:
        is_beat = [symbol in DE_CHAZAL.classes for symbol in reference.beats.symbol]
        beats = reference.beats.sample[np.array(is_beat, bool)]
        beyond = STANDARD.window_s * fs
        if not len(beats):
            return begin, begin
        begin, end = max(begin, beats[0] - beyond), min(end, beats[-1] + beyond)
    return begin, end


def _units(
    pair: BeatPair, scores: dict[str, float], gone: int, classes: tuple[str, ...]
) -> Iterator[tuple[str, int, int, float, int]]:
    """Give condition, truth, prediction, score and exclusion of each row that a pair makes."""
    ref, test = pair.cell[0], pair.cell[1].upper()
    is_beat, called = ref in BEATS, test in BEATS
    if is_beat or called:
        yield QRS, int(is_beat), int(called), np.nan, 0
        yield READABLE, int(is_beat), int(called), np.nan, gone
    for kind in CLASSES if classes else ():
        hit = test == kind.letter
        if not (is_beat or hit) or (hit and ref in kind.pardoned):
            continue
        yield kind.condition, int(ref == kind.letter), int(hit), scores.get(kind.letter, 0.0), 0
