"""The one error that means: what you gave cannot be used."""

from __future__ import annotations


class InputError(ValueError):
    """Bad use or bad input: a file, record, lead, model, setting or message that cannot be used.

    The message names what was wrong and what is allowed. The command line
    prints it and exits with 2; services dead-letter what caused it and go on.
    """
