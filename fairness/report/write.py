"""Everything an audit leaves behind, in one folder."""

from __future__ import annotations

from pathlib import Path

from fairness.errors import AuditError
from fairness.report.badge import badge
from fairness.report.card import model_card
from fairness.report.csv_files import csv_tables
from fairness.report.document import dump_result
from fairness.report.page import render_page
from fairness.report.pdf import write_pdf
from fairness.result import AuditResult


def write_report(result: AuditResult, folder: Path, *, pdf: bool = True) -> list[Path]:
    """Write the report's page, JSON, CSV, badge, section of a model card and, last, its PDF.

    Parameters
    ----------
    result
        The audit.
    folder
        Where to; made if it is not there. Files of these names are written over.
    pdf
        Whether to write the PDF too, which needs Pango.

    Returns
    -------
    list of Path
        ``report.html``, ``audit.json``, a ``.csv`` file a table, ``badge.svg``,
        ``model_card.md`` and ``report.pdf``, in the order in which they were written.

    Raises
    ------
    AuditError
        If the folder cannot be written, Pango is missing, or the result does not fit together.
    """
    texts = {
        "report.html": render_page(result),
        "audit.json": dump_result(result),
        **csv_tables(result),
        "badge.svg": badge(result.verdict),
        "model_card.md": model_card(result),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise AuditError(f"report {folder}: {error}") from error
    written = [folder / name for name in texts]
    if pdf:
        write_pdf(result, folder / "report.pdf")
        written.append(folder / "report.pdf")
    return written
