"""Whether VT and VF can be told apart: ``python -m training.shockable_names --folds DIGEST``.

Both are found as one, and named afterwards. Here each stretch of 4 s of vfdb that is annotated as
the one or the other is measured, and what is measured is asked how often it is greater in a stretch
of VT than in one of VF, of another patient or the same, patients weighing alike: 0.5 tells nothing.
Writes ``docs/shockable-names.md``. DIGEST names the folds that ``training.shockable`` kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InputError
from training.assessment.kept import keep
from training.assessment.tables import markdown
from training.datasets import LabelledSignal
from training.rhythm_spans import SpanRhythm, by_tick, load_spans, span_records
from training.shockable import DATABASE, WINDOW_TICKS

FS = 125
"""Sampling frequency, Hz."""
SLOWEST_BPM, FASTEST_BPM = 75, 375
"""Rates that are looked for."""
DRAWS = 2000
"""Draws of patients for the intervals."""
MEASURES = {
    "model": "VT's part of what the rhythm model gives VT and VF, patient left out",
    "regular": "how alike the waveform is a cycle later (autocorrelation)",
    "slow": "length of the cycle",
    "sharp": "steepest over mean slope",
}
"""What is measured; all would be greater in VT, by its definition."""
PAGE = Path("docs/shockable-names.md")
Stretches = dict[str, dict[str, NDArray[np.float64]]]
"""By patient and measure, the values of stretches."""


def cycle(x: NDArray[np.float32], fs: int = FS) -> tuple[float, float]:
    """Find the cycle of a waveform, and how alike it is one cycle later.

    Parameters
    ----------
    x : array of shape (n_samples,)
        Some seconds.
    fs : int
        Sampling frequency, Hz.

    Returns
    -------
    length_s, alike : float
        Of the first peak of the autocorrelation that is nearly as high as the highest; zeros where
        there is none.

    Examples
    --------
    >>> at_s = np.arange(500) / 125
    >>> length_s, alike = cycle(np.sin(2 * np.pi * 4 * at_s).astype(np.float32))
    >>> round(length_s, 2), round(alike, 2)
    (0.25, 1.0)
    """
    x = x.astype(np.float64) - x.mean()
    lags = np.arange(60 * fs // FASTEST_BPM, 60 * fs // SLOWEST_BPM)
    a = np.array(
        [
            (x[:-k] * x[k:]).sum() / np.sqrt((x[:-k] ** 2).sum() * (x[k:] ** 2).sum() + 1e-9)
            for k in lags
        ]
    )
    peak = (a[1:-1] >= a[:-2]) & (a[1:-1] >= a[2:]) & (a[1:-1] > 0.8 * a.max())
    if not peak.any():
        return 0.0, 0.0
    first = int(np.argmax(peak)) + 1
    return float(lags[first]) / fs, float(a[first])


def measure(
    signals: Sequence[LabelledSignal], probs: Mapping[str, NDArray[np.float32]]
) -> dict[SpanRhythm, Stretches]:
    """Measure every stretch of 4 s that is all VT or all VF.

    Parameters
    ----------
    signals : sequence of LabelledSignal
        One lead of each record.
    probs : mapping of str to array of shape (n_ticks, n_classes)
        By record, of a model that never saw the patient.
    """
    n = WINDOW_TICKS * signals[0].fs // 5
    found: dict[SpanRhythm, Stretches] = {SpanRhythm.VT: {}, SpanRhythm.VF: {}}
    for signal in signals:
        truth, scaled = by_tick(signal), signal.scaled
        whole = truth[: len(truth) // WINDOW_TICKS * WINDOW_TICKS].reshape(-1, WINDOW_TICKS)
        for rhythm, of in found.items():
            rows = []
            for i in np.flatnonzero(np.logical_and.reduce(whole == rhythm, axis=1)).tolist():
                vt, vf = probs[signal.name][i * WINDOW_TICKS : (i + 1) * WINDOW_TICKS, 1:3].sum(0)
                x = scaled[i * n : (i + 1) * n]
                slope = np.abs(np.diff(x))
                length_s, alike = cycle(x, signal.fs)
                rows.append((vt / (vt + vf), alike, length_s, slope.max() / slope.mean()))
            if rows:
                columns = np.array(rows, np.float64).T
                of[signal.name] = dict(zip(MEASURES, columns, strict=True))
    return found


def greater(vt: Stretches, vf: Stretches, name: str) -> NDArray[np.float64]:
    """Say how often a measure is greater in VT of one patient than in VF of another.

    Returns
    -------
    array of shape (n_patients of vt, n_patients of vf)

    Examples
    --------
    >>> one, other = {"a": {"m": np.array([2.0, 3.0])}}, {"b": {"m": np.array([1.0, 2.0])}}
    >>> greater(one, other, "m").tolist()
    [[0.875]]
    """
    rows = [
        [
            float(((a[name][:, None] > b[name]) + 0.5 * (a[name][:, None] == b[name])).mean())
            for b in vf.values()
        ]
        for a in vt.values()
    ]
    return np.array(rows)


def interval(pairs: NDArray[np.float64]) -> tuple[float, float]:
    """Give the interval of 95 % of the mean over patients, patients of both sides drawn."""
    rng = np.random.default_rng(0)
    n, m = pairs.shape
    drawn = [
        pairs[np.ix_(rng.integers(0, n, n), rng.integers(0, m, m))].mean() for _ in range(DRAWS)
    ]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", required=True, help="digest of the folds kept")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--kept", type=Path, default=Path("runs/shockable"))
    told = parser.parse_args(arguments)
    folder = told.data / DATABASE
    probs = {}
    for name in span_records(folder, "atr"):
        path = told.kept / f"{told.folds}-{name}.npz"
        if not path.exists():
            raise InputError(f"{path} is not there; python -m training.shockable makes it")
        with np.load(path) as one:
            probs[name] = one["arr_0"]
    signals = load_spans(folder, tuple(probs), fs=FS)
    found = measure(signals, probs)
    vt, vf = found[SpanRhythm.VT], found[SpanRhythm.VF]
    both = sorted(vt.keys() & vf.keys())
    rows = []
    for name, words in MEASURES.items():
        pairs = greater(vt, vf, name)
        low, high = interval(pairs)
        own = [float(greater({k: vt[k]}, {k: vf[k]}, name)[0, 0]) for k in both]
        rows.append(
            [words, f"{pairs.mean():.2f} [{low:.2f}, {high:.2f}]", *(f"{each:.2f}" for each in own)]
        )
    counts = {
        rhythm.name: {name: len(each["model"]) for name, each in of.items()}
        for rhythm, of in found.items()
    }
    keep("shockable_names", {"folds": told.folds, "rows": rows, "counts": counts})
    PAGE.write_text(page(rows, both, counts), "utf-8")


def page(
    rows: Sequence[Sequence[str]], both: Sequence[str], counts: Mapping[str, Mapping[str, int]]
) -> str:
    """Write what was found."""
    within = [f"within {k} ({counts['VT'][k]} and {counts['VF'][k]})" for k in both]
    of = {
        rhythm: ", ".join(f"{name} {n}" for name, n in each.items())
        for rhythm, each in counts.items()
    }
    return _PAGE.format(table=markdown(("measure", "all", *within), rows), **of)


_PAGE = """# Can VT and VF be told apart here?

Made by `python -m training.shockable_names --folds DIGEST`, of the folds of
[shockable rhythms](shockable.md). Each stretch of 4 s of the first lead that vfdb annotates as VT
throughout, or as VF or flutter, is measured. Told is how often a measure is greater in a stretch of
VT than in one of VF, each patient weighing alike, with an interval of 95 % by drawing patients; 1
would tell them apart, 0.5 tells nothing. Beside it the same within the patients who have both.

{table}

Stretches of VT: {VT}. Of VF: {VF}.

VT is the more regular in those who have both, as its definition has it. From patient to patient
nothing tells the annotated names apart: what is annotated as VT in one is as fast and as irregular
as what is annotated as VF in another, and a model of all others gives both the same. So the
waveform is named by its beats (eight even complexes,
[ADR 0025](adr/0025-what-a-lethal-waveform-must-not-be.md)) and is fibrillation where there are
none, the name that loses no time. Both names are alarms of high priority that latch.
"""


if __name__ == "__main__":
    main()
