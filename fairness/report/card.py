"""The section of a model card that an audit gives, as Markdown."""

from __future__ import annotations

import re

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fairness.report.numerals import count, counted
from fairness.report.page import TEMPLATES, percent
from fairness.report.panels import panels_of
from fairness.report.view import headline, view_of
from fairness.result import AuditResult

_MARKS = re.compile(r"([\\`*_\[\]<>|#])")


_REASONS, _LIMITS = 6, 10
"""Sentences that a card gives of each; ``audit.json`` holds all."""


def markdown(words: str) -> str:
    r"""Return words on one line with Markdown's and HTML's signs made plain.

    Examples
    --------
    >>> print(markdown("a|b <i>\nc"))
    a\|b \<i\> c
    """
    return _MARKS.sub(r"\\\1", " ".join(words.split()))


def model_card(result: AuditResult) -> str:
    """Return the section, with the groups of every metric that counts."""
    view = view_of(result)
    limits = (*view.silences, *result.limits)
    # Markdown has its own escapes, which every word from outside goes through below.
    templates = Environment(  # noqa: S701
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["md"] = markdown
    return templates.get_template("model_card.md.j2").render(
        title=result.title,
        verdict=result.verdict,
        headline=headline(result.verdict),
        reasons=result.reasons[:_REASONS],
        patients=view.patients,
        counts=view.counts,
        total=sum(view.counts.values()),
        confidence=percent(view.declaration.confidence),
        panels=[p.only(p.counting) for p in panels_of(result) if p.primary],
        limits=limits[:_LIMITS],
        more=len(limits[_LIMITS:]),
        provenance=result.provenance,
        seed=view.declaration.seed,
        count=count,
        counted=counted,
    )
