"""A proposal for one patient, and what a clinician makes of it: nothing is done by itself.

A proposal is a file that no service reads. Approving it prints the command ``set_limits``, with who
approved it and why, as a person would give it (:mod:`inference.annunciation`); its delay is a
setting of the ward and is printed as such.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.limits import Limits
from ingest.errors import InputError
from training.alarm_policy.choices import CHOICES, DEFAULT, STEPS, Choice, require_free

SCHEMA = "vigil.alarm-policy-proposal/1"
"""Of the file; it is no command and no setting."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for one patient."""

    record: str
    """Record, or stream, that it is for."""
    choice: Choice
    """Delay and limits."""
    foretold: float
    """Cost a stretch that is foretold with it, nuisances."""
    usual: float
    """Cost a stretch that is foretold without."""
    stretches: int
    """Stretches of this patient that were looked at."""
    gain: tuple[float, float, float] | None = None
    """How much less than the default such proposals truly cost other patients, with its 95 %
    interval, as the last trial found; None: there was none."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "schema": SCHEMA,
            "record": self.record,
            "approved": False,
            "delay_s": self.choice.delay_s,
            "limits": dict(STEPS[self.choice.step]),
            "step": self.choice.step,
            "foretold_cost": round(self.foretold, 3),
            "usual_cost": round(self.usual, 3),
            "stretches": self.stretches,
            "gain_on_others": None if self.gain is None else [round(x, 3) for x in self.gain],
            "changes_nothing": self.choice == CHOICES[DEFAULT],
        }


def approve(path: Path, stream_id: str, who: str, why: str) -> tuple[dict[str, Any] | None, float]:
    """Turn a proposal into the command that a clinician gives.

    Parameters
    ----------
    path : Path
        Proposal.
    stream_id : str
        Whose limits are to be changed.
    who, why : str
        Who approves it, and for what reason.

    Returns
    -------
    command : dict or None
        ``set_limits``; None where no limit changes.
    delay_s : float
        Onset delay of the low priority that goes with it, s.

    Raises
    ------
    ingest.errors.InputError
        If it is no proposal, nobody approves it, or it names a limit that no policy may change.
    """
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise InputError(f"{path} is no proposal of {SCHEMA}")
    if not (who.strip() and why.strip() and stream_id.strip()):
        raise InputError("a proposal is approved by somebody, for a reason, for one stream")
    delay_s, limits = float(told["delay_s"]), dict(told["limits"])
    Choice(delay_s, "usual")
    require_free(limits)
    Limits().changed(limits)
    if not limits:
        return None, delay_s
    command = {
        "schema": "vigil.command/1",
        "stream_id": stream_id,
        "command": "set_limits",
        "who": who,
        "why": why,
        "limits": limits,
    }
    return command, delay_s
