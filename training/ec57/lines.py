"""The official tools' line formats: bxb -L, rxr -L, epicmp -L, and what sumstats adds."""

from __future__ import annotations

from collections.abc import Sequence

from training.ec57.beats import BeatComparison
from training.ec57.episodes import EpisodeComparison
from training.ec57.runs import RunComparison
from training.ec57.summary import (
    RecordComparison,
    average,
    average_rr_ms,
    gross,
    gross_confusion,
    rates,
)
from training.ec57.tally import Confusion, Tally, cells, mean, percent

BXB_COLUMNS: dict[str, str] = {
    "Nn'": "Nn Nf Nq",
    "Sn'": "Sn Sf Sq",
    "Vn'": "Vn Vf Vq",
    "Fn'": "Fn Ff Fq Qn Qf Qq",
    "On'": "On Of Oq Xn Xf Xq",
    "Ns": "Ns",
    "Ss": "Ss",
    "Vs": "Vs",
    "Fs'": "Fs Qs",
    "Os'": "Os Xs",
    "Nv": "Nv",
    "Sv": "Sv",
    "Vv": "Vv",
    "Fv'": "Fv Qv",
    "Ov'": "Ov Xv",
    "No'": "No Nx",
    "So'": "So Sx",
    "Vo'": "Vo Vx",
    "Fo'": "Fo Qo Fx Qx",
}
"""Columns of bxb -L and the cells of the confusion matrix that each adds up."""


def bxb_line(record: str, beats: BeatComparison) -> str:
    """Write one line of bxb -L, first file: counts, QRS, VEB and SVEB rates, RR error in ms."""
    tail = [*_rates(beats.qrs, beats.veb, beats.sveb), beats.rr.rms_ms]
    return _columns(record, beats.confusion) + "".join(f" {_number(v, 2):>6}" for v in tail)


def shutdown_line(record: str, beats: BeatComparison) -> str:
    """Write one line of bxb -L, second file: beats missed in shutdown, and its total time."""
    matrix = beats.confusion
    missed = [int(matrix[row, 6]) for row in range(5)]
    there = [int(matrix[row].sum()) for row in range(5)]
    shares = [percent(sum(missed), sum(there))]
    shares += [percent(m, n) for m, n in zip(missed[:4], there[:4], strict=True)]
    return (
        f"{record:>4}"
        + "".join(f" {m:4d}" for m in missed)
        + "  "
        + "".join(f" {_number(s, 2):>6}" for s in shares)
        + f" {beats.shutdown_s:4.0f} seconds "
        + " ".join(map(str, there))
    )


def rxr_line(record: str, runs: RunComparison) -> str:
    """Write one line of rxr -L: couplets, short runs, long runs."""
    tallies = (runs.couplets, runs.short, runs.long)
    counts = [n for t in tallies for n in (t.tp_se, t.fn, t.tp_ppv, t.fp)]
    return (
        f"{record:>4}"
        + "".join(f" {n:3d}" for n in counts)
        + " "
        + "".join(f" {_number(r, 0):>3}" for r in _rates(*tallies))
    )


def epicmp_line(record: str, found: EpisodeComparison) -> str:
    """Write one line of epicmp -L: episode counts and rates, duration rates, durations."""
    e = found.episodes
    shares = [e.se, e.ppv, found.duration_se, found.duration_ppv]
    return (
        f"{record:>6}"
        + "".join(f" {n:4d}" for n in (e.tp_se, e.fn, e.tp_ppv, e.fp))
        + " "
        + "".join(f" {_number(s, 0):>3}" for s in shares)
        + f" {clock(found.ref_s):>13} {clock(found.test_s):>14}"
    )


def confusion_lines(beats: BeatComparison) -> list[str]:
    """Write the matrix of bxb -S, one line a reference class; cells that cannot be are left out."""
    lines = []
    for row, name in enumerate("NSVFQOX"):
        counts = beats.confusion[row, : 7 if row < 5 else 5]
        lines.append(f" {name} |" + "".join(f" {int(n):4d}" for n in counts))
    return lines


def bxb_sum_lines(comparisons: Sequence[RecordComparison]) -> dict[str, str]:
    """Write what sumstats adds to bxb -L: ``Sum``, ``Gross``, ``Average`` and totals."""
    matrix = gross_confusion(comparisons)
    mine = [rates(tally) for tally in gross(comparisons).values()]
    mean_rates = list(average(comparisons).values())
    there = matrix.sum(axis=1)
    return {
        "Sum": _columns("Sum", matrix).strip(),
        "Gross": "Gross " + " ".join(_number(v, 2) for r in mine for v in (r.se, r.ppv)),
        "Average": "Average "
        + " ".join(_number(v, 2) for r in mean_rates for v in (r.se, r.ppv))
        + f" {_number(average_rr_ms(comparisons), 2)}",
        "Total": f"Total QRS complexes: {int(there[:5].sum())}  Total VEBs: {int(there[2])}  "
        f"Total SVEBs: {int(there[1])}",
    }


def rxr_sum_lines(found: Sequence[RunComparison]) -> dict[str, str]:
    """Write what sumstats adds to rxr -L."""
    groups = [(r.couplets, r.short, r.long) for r in found]
    total = [sum((g[i] for g in groups), Tally(0, 0, 0, 0)) for i in range(3)]
    each = [_rates(*g) for g in groups]
    events = [t.tp_se + t.fn for t in total]
    return {
        "Sum": "Sum " + " ".join(str(n) for t in total for n in (t.tp_se, t.fn, t.tp_ppv, t.fp)),
        "Gross": "Gross " + " ".join(_number(v, 0) for v in _rates(*total)),
        "Average": "Average " + " ".join(_number(mean([e[i] for e in each]), 0) for i in range(6)),
        "Total": f"Total couplets: {events[0]}  Total short runs: {events[1]}  "
        f"Total long runs: {events[2]}",
    }


def epicmp_sum_lines(found: Sequence[EpisodeComparison]) -> dict[str, str]:
    """Write what sumstats adds to epicmp -L."""
    total = sum(found[1:], found[0])
    t = total.episodes

    def shares(c: EpisodeComparison) -> list[float | None]:
        return [c.episodes.se, c.episodes.ppv, c.duration_se, c.duration_ppv]

    each = [shares(c) for c in found]
    # sumstats adds the durations as printed, to the millisecond.
    ref_s, test_s = sum(round(c.ref_s, 3) for c in found), sum(round(c.test_s, 3) for c in found)
    return {
        "Sum": f"Sum {t.tp_se} {t.fn} {t.tp_ppv} {t.fp} {clock(ref_s)} {clock(test_s)}",
        "Gross": "Gross " + " ".join(_number(v, 0) for v in shares(total)),
        "Average": "Average " + " ".join(_number(mean([e[i] for e in each]), 0) for i in range(4)),
    }


def clock(seconds: float) -> str:
    """Write a duration as WFDB does, to the millisecond.

    Examples
    --------
    >>> clock(0), clock(97.9), clock(6471.3013)
    ('0.000', '1:37.900', '1:47:51.301')
    """
    ms = round(seconds * 1000)
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest / 1000:06.3f}"
    return f"{minutes}:{rest / 1000:06.3f}" if minutes else f"{rest / 1000:.3f}"


def _columns(name: str, confusion: Confusion) -> str:
    """Write the counts of bxb -L."""
    widths = {"Nn'": 5, "Vv": 4}
    return f"{name:>4}" + "".join(
        f" {cells(confusion, names):{widths.get(column, 3)}d}"
        for column, names in BXB_COLUMNS.items()
    )


def _rates(*tallies: Tally) -> list[float | None]:
    """List sensitivity and positive predictivity of each."""
    return [value for tally in tallies for value in (tally.se, tally.ppv)]


def _number(value: float | None, digits: int) -> str:
    """Write a number, or a dash for one that is undefined; whole percents round half up."""
    if value is None:
        return "-"
    return f"{value:.{digits}f}" if digits else str(int(value + 0.5))
