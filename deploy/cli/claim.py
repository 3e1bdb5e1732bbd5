"""``vigil evaluate --claim``: a headline, or every reason why there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from training.ec57 import Evaluation, rates
from training.guard import Claim, ds2_records, log_look, read_claim


def headline(path: Path, evaluation: Evaluation, compare: Callable[[str], Evaluation]) -> list[str]:
    """Give the lines of a headline, and log the look if DS2 was looked at.

    Parameters
    ----------
    path : Path
        The claim's TOML file.
    evaluation : Evaluation
        At R-peaks that were detected.
    compare : callable
        Evaluates annotations of another extension over the same records.

    Raises
    ------
    ingest.errors.InputError
        If the claim cannot be read, or naming everything that forbids a headline.
    """
    told, model = read_claim(path)
    claim = Claim(
        model=model,
        evaluation=evaluation,
        reference=compare(told.reference_test) if told.reference_test else None,
        look_ahead_s=told.look_ahead_s,
        look=told.look,
        kinds=told.kinds,
    )
    found = claim.headline()
    if told.look and ds2_records(evaluation):
        f1 = {kind: rates(found.gross[kind]).f1 for kind in told.kinds}
        figures = ", ".join(
            f"{kind.upper()} F1 {'–' if value is None else format(value, '.2f')}"
            for kind, value in f1.items()
        )
        log_look(path.parent / told.log, told.model, figures, told.look)
    return found.lines()
