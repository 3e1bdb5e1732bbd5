"""Stretches of signal drawn as on ECG paper, with reference and test labels above the trace."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.streams import UV_PER_UNIT
from ingest.frames import MISSING_ADU
from ingest.wfdb_replay import open_recording
from training.assessment.cohorts import Cohort
from training.assessment.scoring import Scored
from training.assessment.strips import WIDTH_S, Strip, is_wrong, worst

MM = 1 / 25.4
"""A millimetre, inch."""
MM_PER_S, MM_PER_MV = 25.0, 10.0
"""Paper speed and gain that clinicians read at."""
LEAST_MV, MOST_MV = 2.0, 5.0
"""Height of a strip's trace, mV."""
ABOVE_MM, BELOW_MM, SIDE_MM = 17.0, 9.0, 18.0
"""Room for title and labels, for the time axis, and for the scale."""
PAPER, LINE, INK, WRONG = "#fffaf8", "#f0b8ae", "#1d2328", "#c02010"
TITLES = {"qrs": "QRS detection", "veb": "ventricular beats", "sveb": "supraventricular beats"}


def draw_cohort(cohort: Cohort, records: Sequence[Scored], folder: Path) -> Path:
    """Draw the ten worst stretches of a cohort for QRS, VEB and SVEB.

    Parameters
    ----------
    cohort : Cohort
        Who it is.
    records : sequence of Scored
        Its records.
    folder : Path
        Where to write ``KEY-KIND.png`` and the page ``KEY.html`` that shows them.

    Returns
    -------
    Path
        The page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kinds = ("qrs", "veb", "sveb") if cohort.beat_classes else ("qrs",)
    parts = []
    for kind in kinds:
        strips = worst(records, kind)
        title = f"{cohort.name}: worst stretches for {TITLES[kind]}"
        if not strips:
            parts.append(f"<h2>{html.escape(title)}</h2><p>No error.</p>")
            continue
        picture = folder / f"{cohort.key}-{kind}.png"
        draw(strips, kind, title, picture)
        parts.append(f'<h2>{html.escape(title)}</h2><img src="{picture.name}" alt="">')
    page = folder / f"{cohort.key}.html"
    page.write_text(_PAGE.format(title=html.escape(cohort.name), body="\n".join(parts)), "utf-8")
    return page


def draw(strips: Sequence[Strip], kind: str, title: str, picture: Path) -> None:
    """Draw stretches below one another into a PNG.

    Parameters
    ----------
    strips : sequence of Strip
        What to draw.
    kind : str
        ``qrs``, ``veb`` or ``sveb``: which errors to mark.
    title : str
        Heading.
    picture : Path
        The PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    traces = [_trace(strip) for strip in strips]
    limits = [_limits(mv) for _, mv in traces]
    heights = [ABOVE_MM + BELOW_MM + (high - low) * MM_PER_MV for low, high in limits]
    width = 2 * SIDE_MM + WIDTH_S * MM_PER_S
    total = sum(heights) + 14
    figure = Figure(figsize=(width * MM, total * MM), facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(SIDE_MM / width, 1 - 8 / total, title, fontsize=13, weight="bold", color=INK)
    figure.text(1 - SIDE_MM / width, 1 - 8 / total, "25 mm/s, 10 mm/mV", fontsize=8, ha="right",
                color="#68737d")  # fmt: skip
    top = total - 14
    for strip, (t, mv), (low, high), height in zip(strips, traces, limits, heights, strict=True):
        bottom = top - height + BELOW_MM
        box = (SIDE_MM / width, bottom / total, WIDTH_S * MM_PER_S / width)
        axes = figure.add_axes((*box, (high - low) * MM_PER_MV / total))
        _paper(axes, strip.start_s, low, high)
        axes.plot(t, mv, color=INK, linewidth=0.9)
        _labels(axes, strip, kind, (high - low) * MM_PER_MV)
        top -= height
    figure.savefig(picture, dpi=110)


def _trace(strip: Strip) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read time, s, and signal, mV about its median, of the lead that was scored."""
    one = strip.scored
    recording = open_recording(one.folder / one.record)
    lead = recording.leads[one.row]
    first = round(strip.start_s * one.fs)
    adu = recording.samples[one.row, first : first + round(WIDTH_S * one.fs) + 1]
    mv = np.where(adu == MISSING_ADU, np.nan, adu.astype(float) - lead.baseline)
    mv *= UV_PER_UNIT[lead.unit] / 1000 / lead.adc_gain
    return (first + np.arange(len(mv))) / one.fs, mv - np.nanmedian(mv)


def _limits(mv: NDArray[np.float64]) -> tuple[float, float]:
    """Choose the range shown, mV, in whole halves; what goes beyond is cut off."""
    low, high = np.nanmin(mv), np.nanmax(mv)
    if high - low > MOST_MV:
        low, high = np.nanpercentile(mv, [0.5, 99.5])
    low, high = np.floor(2 * low - 0.2) / 2, np.ceil(2 * high + 0.2) / 2
    spare = max(0.0, LEAST_MV - (high - low))
    low -= np.floor(spare) / 2
    high += spare - np.floor(spare) / 2
    return float(low), float(min(high, low + MOST_MV + 1))


def _paper(axes: Any, start_s: float, low: float, high: float) -> None:
    """Rule the axes as ECG paper: fine lines of 1 mm, thick ones of 5 mm, and a scale."""
    axes.set_facecolor(PAPER)
    axes.set_xlim(start_s, start_s + WIDTH_S)
    axes.set_ylim(low, high)
    for step, line in ((0.04, 0.25), (0.2, 0.7)):
        first = np.ceil(start_s / step) * step
        axes.vlines(np.arange(first, start_s + WIDTH_S, step), low, high, LINE, linewidth=line)
    for step, line in ((0.1, 0.25), (0.5, 0.7)):
        axes.hlines(np.arange(low, high + 1e-6, step), start_s, start_s + WIDTH_S, LINE,
                    linewidth=line)  # fmt: skip
    seconds = np.arange(np.ceil(start_s), start_s + WIDTH_S + 1e-6)
    axes.set_xticks(seconds, [f"{int(s) // 60}:{int(s) % 60:02d}" for s in seconds], fontsize=8)
    levels = np.arange(np.ceil(low), high + 1e-6) + 0.0  # no minus zero
    axes.set_yticks(levels, [f"{level:g}" for level in levels], fontsize=8)
    axes.text(-0.033, 1, "mV", fontsize=8, va="top", ha="right", color="#68737d",
              transform=axes.transAxes)  # fmt: skip
    axes.tick_params(length=2, colors="#68737d")
    for spine in axes.spines.values():
        spine.set_color(LINE)


def _labels(axes: Any, strip: Strip, kind: str, height_mm: float) -> None:
    """Write title and beats above the trace; wrong ones in red, with a band behind."""
    one = strip.scored
    lead = open_recording(one.folder / one.record).leads[one.row].name
    begin, end = (
        f"{int(s) // 60}:{s % 60:04.1f}" for s in (strip.start_s, strip.start_s + WIDTH_S)
    )
    across = axes.get_xaxis_transform()
    rows = {"ref": 1 + 5.2 / height_mm, "ours": 1 + 1.4 / height_mm}
    title_at = 1 + 10.5 / height_mm
    axes.text(0, title_at, f"{one.record}  {lead}  {begin}–{end}", fontsize=10, weight="bold",
              color=INK, transform=axes.transAxes)  # fmt: skip
    axes.text(0.22, title_at, f"{strip.errors} wrong: {strip.summary(kind)}", fontsize=9,
              color=WRONG, transform=axes.transAxes)  # fmt: skip
    for name, at in rows.items():
        axes.text(-0.02, at, name, fontsize=8, ha="right", color="#68737d",
                  transform=axes.transAxes)  # fmt: skip
    for pair in strip.pairs:
        wrong = is_wrong(pair.cell, kind)
        ref_s, test_s = (
            None if sample is None else sample / one.fs
            for sample in (pair.ref_sample, pair.test_sample)
        )
        where = ref_s if ref_s is not None else test_s
        colour = WRONG if wrong else INK
        if wrong and where is not None:
            axes.axvspan(where - 0.08, where + 0.08, color=WRONG, alpha=0.13, linewidth=0)
        for label, at, s in (
            (pair.cell[0] if ref_s is not None else "–", rows["ref"], where),
            (pair.cell[1].upper() if test_s is not None else "–", rows["ours"], where),
        ):
            axes.text(s, at, label, fontsize=9, ha="center", color=colour,
                      weight="bold" if wrong else "normal", transform=across)  # fmt: skip
        for s, end_y in ((ref_s, 1.0), (test_s, 0.0)):
            if s is not None:
                tick = (end_y, end_y - 1.5 / height_mm if end_y else 1.5 / height_mm)
                axes.plot([s, s], tick, color=colour, linewidth=1, transform=across)


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Worst stretches: {title}</title>
<style>body {{ font: 15px/1.45 system-ui, sans-serif; margin: 24px; color: #1d2328; }}
img {{ max-width: 100%; }}</style>
<h1>Worst stretches: {title}</h1>
<p>Ten stretches of 10 s with most errors, at most three of a record; 25 mm/s and 10 mm/mV.
Above the trace stand the reference class (ref) and ours, a dash where there is no such beat;
wrong beats are red. A short line at the upper edge is where the reference puts the beat, at the
lower edge where we do.</p>
{body}
</html>
"""
