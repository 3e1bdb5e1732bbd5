"""The report as one HTML page that needs no other file, host or script."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fairness.declaration import GroupDeclaration, MetricDeclaration
from fairness.report.numerals import Style, count, counted
from fairness.report.style import style_sheet
from fairness.report.view import View, headline, view_of
from fairness.report.words import words_of
from fairness.result import AuditResult

TEMPLATES = Path(__file__).parent / "templates"
"""Folder of the templates."""

_SECTIONS = (
    ("forests", "Groups beside their references"),
    ("calibration", "Can scores be taken as probabilities?"),
    ("burden", "What patients feel"),
    ("cohort", "Who was in the cohort"),
    ("comparisons", "Comparisons that count"),
    ("explored", "Explored, not counted"),
    ("gaps", "Largest gaps beside chance"),
    ("figures", "Every figure by group"),
    ("limits", "Limits, and what cannot be said"),
    ("methods", "Methods"),
    ("glossary", "Glossary"),
)
_REASONS = 6
"""Reasons that the page gives, the weightiest; a table holds every comparison."""
_NAMED = re.compile(r"(<title id=[^>]*>)([^<]*)</title><desc id=[^>]*>([^<]*)</desc>")


def render_page(result: AuditResult, *, paged: bool = False) -> str:
    """Return the page; ``paged`` leaves out what only a screen needs.

    Raises
    ------
    AuditError
        If the result names a metric or holds a declaration that is not known.
    """
    view = view_of(result)
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = templates.get_template("report.html.j2").render(
        view=view,
        paged=paged,
        style=Markup(style_sheet(paged=paged)),  # noqa: S704 - ours, and no input in it
        headline=headline(result.verdict),
        sections=[s for s in _SECTIONS if _shown(view, s[0])],
        most_reasons=_REASONS,
        digests=_digests(result),
        metrics=[words_of(name) for name in dict.fromkeys(m.metric for m in result.metrics)],
        count=count,
        counted=counted,
        percent=percent,
        margin=_margin,
        bands=_bands,
        words_of=words_of,
    )  # fmt: skip
    # PDF readers are told a picture's title only, so there it holds the whole description.
    return _NAMED.sub(r"\1\2. \3</title>", page) if paged else page


def _shown(view: View, section: str) -> bool:
    held = {
        "calibration": view.calibration,
        "burden": view.burden or view.delays,
        "explored": view.explored or view.tables["explored"].blocks,
        "gaps": view.tables["gaps"].blocks or view.tables["parity"].blocks,
        "figures": view.tables["metrics"].blocks,
    }
    return bool(held.get(section, True))


def _digests(result: AuditResult) -> list[tuple[str, str]]:
    known = result.provenance
    return [
        ("Predictions, SHA-256", known.data_sha256),
        ("Subjects, SHA-256", known.subjects_sha256),
        ("Declaration, SHA-256", known.declaration_sha256),
        ("Model’s file, SHA-256", known.model_sha256),
    ]


def percent(share: float) -> str:
    """Write a share that was declared, with the digits it was declared with.

    Examples
    --------
    >>> percent(0.95)
    '95 %'
    """
    return f"{share * 100:.6g} %"


def _margin(metric: MetricDeclaration) -> str:
    return Style(words_of(metric.name).kind, 1).margin(metric.margin)


def _bands(group: GroupDeclaration) -> str:
    return ", ".join(f"{edge:g}" for edge in group.bands) or "as named"
