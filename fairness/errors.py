"""The one error of the audit: what was given cannot be audited."""

from __future__ import annotations


class AuditError(ValueError):
    """Bad input: a table, column, value or declaration that cannot be used.

    The message names what was wrong and what is allowed.
    """
