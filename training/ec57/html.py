"""An evaluation as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files

from training.ec57.bootstrap import Interval
from training.ec57.compare import Evaluation
from training.ec57.counted import PEAKS, denominators, peaks
from training.ec57.export import Intervals, subsets
from training.ec57.summary import (
    BEAT_KINDS,
    BeatKind,
    Rates,
    average,
    gross,
    gross_confusion,
    gross_episodes,
    gross_runs,
    rates,
    timing,
)
from training.ec57.tally import REF_CLASSES, TEST_CLASSES, Confusion, Tally

NAMES: dict[BeatKind, str] = {"qrs": "QRS", "veb": "VEB", "sveb": "SVEB"}
RUN_NAMES = {"ve": "Ventricular", "sve": "Supraventricular"}
EPISODE_NAMES = {"af": "Atrial fibrillation", "vf": "Ventricular flutter and fibrillation"}
CLASS_NAMES = {
    "N": "normal",
    "S": "supraventricular",
    "V": "ventricular",
    "F": "fusion",
    "Q": "paced, unclassifiable",
    "O": "no beat",
    "X": "no beat: shutdown",
}


def to_html(evaluation: Evaluation, title: str, intervals: Intervals | None = None) -> str:
    """Write the page: rules, gross and average rates, confusion matrix, records, runs, episodes.

    Parameters
    ----------
    evaluation
        What was found.
    title
        What was compared; escaped here.
    intervals
        Of the gross rates, from `bootstrap_gross`.
    """
    style = files("training.ec57").joinpath("report.css").read_text(encoding="utf-8")
    parts = [
        _rules(evaluation),
        "<h2>All records together</h2>",
        _gross_table(evaluation, intervals),
        _timing_line(evaluation),
        "<h2>Confusion matrix</h2>",
        _matrix(gross_confusion(evaluation.records)),
        _runs(evaluation),
        _episodes(evaluation),
        "<h2>Record by record</h2>",
        _records_table(evaluation),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
        f"<body><main><h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</main></body></html>\n"
    )


def _rules(evaluation: Evaluation) -> str:
    protocol, mapping = evaluation.protocol, evaluation.mapping
    counting = (
        "as the official tools, known bugs included"
        if protocol.official
        else "as the official tools, known bugs mended"
    )
    left_out = (
        f"<dt>No test annotations</dt><dd>{escape(', '.join(evaluation.without_test))}</dd>"
        if evaluation.without_test
        else ""
    )
    return (
        f"<dl><dt>Counted</dt><dd>{escape(denominators(evaluation).describe())}</dd>"
        f"<dt>R-peaks</dt><dd>{PEAKS[peaks(evaluation.records)]}</dd>"
        f"<dt>Match window</dt><dd>{1000 * protocol.window_s:g} ms</dd>"
        f"<dt>Learning period</dt><dd>the first {protocol.learning_s:g} s do not count</dd>"
        f"<dt>Rules</dt><dd>by ANSI/AAMI EC57, {counting}</dd>"
        f"<dt>AAMI mapping</dt><dd><b>{escape(mapping.name)}</b>: {escape(mapping.describe())}"
        f"<br><small>{escape(mapping.source)}</small></dd>{left_out}</dl>"
    )


def _gross_table(evaluation: Evaluation, intervals: Intervals | None) -> str:
    total, means = gross(evaluation.records), average(evaluation.records)
    rests = {name: gross(records) for name, records in subsets(evaluation).items()}
    rows = []
    for kind in BEAT_KINDS:
        spans = None if intervals is None else intervals[kind]
        rows.append(_total_row(NAMES[kind], "gross", total[kind], spans))
        rows.append(
            f'<tr><th></th><td class="left">average over records</td><td></td><td></td>'
            f"{_rate_cells(means[kind])}</tr>"
        )
        rows += [_total_row("", f"gross without {n}", t[kind], None) for n, t in rests.items()]
    heads = ("", "", "Beats", "False", "Se", "+P", "F1")
    head = "<tr>" + "".join(f"<th>{name}</th>" for name in heads) + "</tr>"
    return (
        "<p>Percent; yellow below 90, red below 50. Gross SVEB +P leaves out fusion beats called "
        "S, as sumstats does; the records below count them.</p>" + _table(head, rows)
    )


def _total_row(
    kind: str, name: str, tally: Tally, spans: Mapping[str, Interval | None] | None
) -> str:
    found = rates(tally)
    values = {"se": found.se, "ppv": found.ppv, "f1": found.f1}
    cells = "".join(
        _percent(value, spans.get(rate) if spans else None) for rate, value in values.items()
    )
    return (
        f'<tr><th>{kind}</th><td class="left">{escape(name)}</td>'
        f"<td>{tally.tp_se + tally.fn:,}</td><td>{tally.fp:,}</td>{cells}</tr>"
    )


def _records_table(evaluation: Evaluation) -> str:
    rows = []
    for record in evaluation.records:
        cells = "".join(_tally_cells(record.tally(kind)) for kind in BEAT_KINDS)
        rr = record.beats.rr.rms_ms
        shown = "–" if rr is None else f"{rr:.1f}"
        rows.append(f"<tr><th>{escape(record.record)}</th>{cells}<td>{shown}</td></tr>")
    return _table(_beat_head("Record", '<th rowspan="2">RR error, ms</th>'), rows)


def _beat_head(first: str, last: str = "") -> str:
    kinds = "".join(f'<th colspan="5" class="group">{NAMES[kind]}</th>' for kind in BEAT_KINDS)
    each = '<th class="group">Beats</th><th>False</th><th>Se</th><th>+P</th><th>F1</th>' * 3
    return f'<tr><th rowspan="2">{first}</th>{kinds}{last}</tr><tr>{each}</tr>'


def _tally_cells(tally: Tally) -> str:
    return f'<td class="group">{tally.tp_se + tally.fn:,}</td><td>{tally.fp:,}</td>' + _rate_cells(
        rates(tally)
    )


def _rate_cells(found: Rates) -> str:
    return "".join(_percent(value) for value in (found.se, found.ppv, found.f1))


def _percent(value: float | None, span: Interval | None = None) -> str:
    if value is None:
        return '<td class="none">–</td>'
    grade = "bad" if value < 50 else "poor" if value < 90 else "good"
    between = f" <small>{span.low:.1f}–{span.high:.1f}</small>" if span else ""
    return f'<td class="{grade}">{value:.2f}{between}</td>'


def _matrix(confusion: Confusion) -> str:
    head = "".join(
        f"<th>{name}<small>{'missed' if name == 'o' else CLASS_NAMES[name.upper()]}</small></th>"
        if name != "x"
        else "<th>x<small>missed in shutdown</small></th>"
        for name in TEST_CLASSES
    )
    rows = []
    for i, ref in enumerate(REF_CLASSES):
        total = int(confusion[i].sum())
        cells = []
        for j in range(len(TEST_CLASSES)):
            n = int(confusion[i, j])
            if i >= 5 and j >= 5:
                cells.append('<td class="none"></td>')
                continue
            share = n / total if total else 0.0
            colour = "46, 125, 70" if i == j else "190, 60, 40"
            shade = f' style="background: rgba({colour}, {0.65 * share**0.5:.3f})"' if n else ""
            cells.append(f"<td{shade}>{n:,}</td>")
        rows.append(
            f"<tr><th>{ref} <small>{CLASS_NAMES[ref]}</small></th>{''.join(cells)}"
            f'<td class="group">{total:,}</td></tr>'
        )
    return (
        "<p>Rows: the reference. Columns: the test annotator. "
        "Shaded by share of the row; green is right.</p>"
        + _table(f'<tr><th></th>{head}<th class="group">all</th></tr>', rows, "matrix")
    )


def _runs(evaluation: Evaluation) -> str:
    kinds = evaluation.records[0].runs if evaluation.records else {}
    rows = []
    for kind in kinds:
        found = gross_runs(evaluation.records, kind)
        for name, tally in (
            ("couplets", found.couplets),
            ("runs of 3 to 5", found.short),
            ("runs of 6 or more", found.long),
        ):
            rows.append(f"<tr><th>{RUN_NAMES[kind]} {name}</th>{_event_cells(tally)}</tr>")
    return "<h2>Runs</h2>" + _table(_event_head(()), rows) if rows else ""


def _episodes(evaluation: Evaluation) -> str:
    kinds = evaluation.records[0].episodes if evaluation.records else {}
    rows = []
    for kind in kinds:
        found = gross_episodes(evaluation.records, kind)
        rows.append(
            f"<tr><th>{EPISODE_NAMES[kind]}</th>{_event_cells(found.episodes)}"
            f"{_percent(found.duration_se)}{_percent(found.duration_ppv)}"
            f"<td>{found.ref_s:,.0f}</td><td>{found.test_s:,.0f}</td></tr>"
        )
    more = ("Duration Se", "Duration +P", "Reference, s", "Test, s")
    return "<h2>Episodes</h2>" + _table(_event_head(more), rows) if rows else ""


def _event_head(more: Sequence[str]) -> str:
    names = ("", "Reference", "Found", "Test", "True", "Se", "+P", *more)
    return "<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"


def _event_cells(tally: Tally) -> str:
    counts = (tally.tp_se + tally.fn, tally.tp_se, tally.tp_ppv + tally.fp, tally.tp_ppv)
    return "".join(f"<td>{n:,}</td>" for n in counts) + _percent(tally.se) + _percent(tally.ppv)


def _timing_line(evaluation: Evaluation) -> str:
    found = timing(evaluation.records)
    if found.median_ms is None:
        return ""
    return (
        f"<p>Matched beats lie {found.median_ms:.1f} ms from the reference (median; 95th "
        f"percentile {found.p95_ms:.1f} ms; median of test minus reference "
        f"{found.bias_ms:+.1f} ms).</p>"
    )


def _table(head: str, rows: Iterable[str], name: str = "") -> str:
    return (
        f'<div class="scroll"><table class="{name}"><thead>{head}</thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
