"""The report as a tagged PDF on A4, by WeasyPrint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairness.errors import AuditError
from fairness.report.page import render_page
from fairness.result import AuditResult


def write_pdf(result: AuditResult, path: Path) -> None:
    """Write the report as PDF/UA: tagged, real text, with title and language.

    Raises
    ------
    AuditError
        If WeasyPrint or the Pango that it needs is missing, or the file cannot be written.
    """
    printer = _weasyprint()
    page = printer.HTML(string=render_page(result, paged=True))
    try:
        page.write_pdf(path, pdf_variant="pdf/ua-1", pdf_identifier=b"vigil-audit")
    except OSError as error:
        raise AuditError(f"report {path}: {error}") from error


def _weasyprint() -> Any:
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise AuditError(
            "a PDF needs WeasyPrint and Pango (on Debian: libpango-1.0-0, libpangoft2-1.0-0, "
            f"libharfbuzz-subset0); install them, or leave the PDF out with --no-pdf: {error}"
        ) from error
    return weasyprint
