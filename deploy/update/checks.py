"""Whether models do: before they are switched to, and in the service that has loaded them."""

from __future__ import annotations

import shlex
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deploy.security.models import ModelTrust
from deploy.services.models import choose_models
from deploy.services.scoring import ScoreOptions, score_recordings
from deploy.services.verify import why_not_batch_invariant
from inference import trust
from ingest.errors import InputError
from ingest.simulator import SimulatedRecord, demo_ward

N_PATIENTS = 8
"""Simulated patients of the smoke run: one of each ill kind."""
SMOKE_S = 60.0
"""Length of their signal, s."""
LEAST_FOUND = 0.90
"""Share of the simulated beats that must be found within :data:`NEAR_S`, and of the found ones
that must be beats; the shipped models reach 0.99 and 0.96."""
NEAR_S = 0.15
"""How far a found beat may lie from the true one, s (EC57)."""
ASK_S = 2.0
"""Longest answer of a service that is asked whether it is ready, s."""
RESTART_S = 120.0
"""Longest time of the command that restarts it, s."""


def why_not_usable(folder: Path, keys: Sequence[Path]) -> str | None:
    """Try the models of a folder: trust, batch invariance, a run over simulated patients.

    Parameters
    ----------
    folder : Path
        Folder of models.
    keys : sequence of Path
        Public keys that are trusted.

    Returns
    -------
    str or None
        What is wrong; None where nothing is.
    """
    paths = sorted(folder.glob("*.onnx"))
    try:
        with trust.only(ModelTrust(keys)):
            for path in paths:
                reason = why_not_batch_invariant(path)
                if reason is not None:
                    return f"{path.name} {reason}"
            return _why_no_beats([str(path) for path in paths])
    except InputError as error:
        return str(error)


def _why_no_beats(models: Sequence[str]) -> str | None:
    """Score simulated patients, and compare with what is known of them."""
    options = ScoreOptions(choose_models(models))
    ward = {record.name: record for record in demo_ward(N_PATIENTS, duration_s=SMOKE_S)}
    recordings = {name: record.as_recording() for name, record in ward.items()}
    found = hit = true = 0
    alarms = 0
    for score in score_recordings(recordings, options, lambda done: None):
        record = ward[score.name]
        peaks_s = np.array([r_ms for r_ms, _ in score.beats]) / 1000
        found, true = found + len(peaks_s), true + len(record.truth.r_peaks)
        hit += _count_near(peaks_s, record)
        alarms += score.raised.total()
    if hit < LEAST_FOUND * true:
        return f"of {true} simulated beats {hit} were found: {LEAST_FOUND:.0%} are needed"
    if hit < LEAST_FOUND * found:
        return f"{found} beats were found where there are {true}"
    return None if alarms else "a ward of ill patients raised no alarm"


def _count_near(peaks_s: np.ndarray, record: SimulatedRecord) -> int:
    """Count true beats with a found one near."""
    true_s = record.truth.r_peaks / record.fs
    if not len(peaks_s) or not len(true_s):
        return 0
    at = np.searchsorted(peaks_s, true_s).clip(1, max(len(peaks_s) - 1, 1))
    near = np.minimum(np.abs(peaks_s[at - 1] - true_s),
                      np.abs(peaks_s[at.clip(0, len(peaks_s) - 1)] - true_s))  # fmt: skip
    return int((near <= NEAR_S).sum())


@dataclass(frozen=True, slots=True)
class Service:
    """The service that loads the models."""

    restart: str = ""
    """Command that starts it anew; empty: somebody else does."""
    ready: str = ""
    """Its address of readiness, ``http://…/readyz``; empty: it is not asked."""
    limit_s: float = 60.0
    """Until then it must be ready, s."""
    settle_s: float = 5.0
    """So long it must stay ready, s."""

    def why_not_ready(self, sleep: Callable[[float], None] = time.sleep) -> str | None:
        """Start the service anew, and see that it becomes and stays ready.

        Returns
        -------
        str or None
            Why it is not; None where it is, or nobody is asked.
        """
        if self.restart:
            try:
                done = subprocess.run(
                    shlex.split(self.restart), capture_output=True, timeout=RESTART_S, check=False
                )
            except (OSError, ValueError, subprocess.TimeoutExpired) as error:
                return f"it could not be started anew: {error}"
            if done.returncode:
                return f"it could not be started anew: exit {done.returncode}"
        if not self.ready:
            return None
        until_s, since_s, why = time.monotonic() + self.limit_s, None, "it was never asked"
        while time.monotonic() < until_s:
            answer = _ask(self.ready)
            why = answer or "it did not stay ready"
            if answer is not None:
                since_s = None
            elif since_s is None:
                since_s = time.monotonic()
            if since_s is not None and time.monotonic() - since_s >= self.settle_s:
                return None
            sleep(0.25)
        return f"not ready within {self.limit_s:g} s: {why}"


def _ask(url: str) -> str | None:
    """Return why a service is not ready; None where it is."""
    try:
        with urllib.request.urlopen(url, timeout=ASK_S) as answer:  # noqa: S310  # the operator's
            return None if answer.status == 200 else f"answer {answer.status}"
    except (OSError, urllib.error.URLError, ValueError) as error:
        return str(error)
