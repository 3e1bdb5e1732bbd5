"""Signal that the console itself keeps no more: any stretch of the past, from an archive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deploy.console.waves import MISSING, to_steps

if TYPE_CHECKING:
    from ingest.archive import Archive


class Past:
    """What stands in an archive of a stream's present session.

    Parameters
    ----------
    archive : Archive
        Where frames and beats are kept.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def stretch(
        self,
        stream_id: str,
        session: str,
        leads: tuple[str, ...],
        fs: float,
        origin_ms: int,
        first: int,
        n_samples: int,
    ) -> tuple[NDArray[np.int16], list[dict[str, Any]]]:
        """Read samples and beats.

        Parameters
        ----------
        stream_id, session : str
            Whose.
        leads : tuple of str
            Names of the leads wanted, in this order.
        fs : float
            Sampling frequency, Hz.
        origin_ms : int
            UTC of sample 0, ms since 1970.
        first, n_samples : int
            Which samples.

        Returns
        -------
        steps : array of shape (n_leads, n_samples)
            In steps of 5 µV; ``MISSING`` where the archive has none.
        beats : list of dict
            As the console keeps them.
        """
        begin_ns = origin_ms * 1_000_000 + round(first / fs * 1e9)
        about_ns = begin_ns - 1_000_000_000, begin_ns + round((n_samples / fs + 1) * 1e9)
        steps = np.full((len(leads), n_samples), MISSING, np.int16)
        for part in self._archive.stretch(stream_id, *about_ns, session):
            there = part.recording
            if there.fs != fs:
                continue
            begin, end = max(first, part.first_sample), min(first + n_samples, part.end_sample)
            if begin >= end:
                continue
            names = [lead.name for lead in there.leads]
            own = slice(begin - part.first_sample, end - part.first_sample)
            for row, name in enumerate(leads):
                if name in names:
                    at = names.index(name)
                    found = to_steps(there.samples[at : at + 1, own], there.leads[at : at + 1])
                    steps[row, begin - first : end - first] = found[0]
        told = (json.loads(beat) for beat in self._archive.beats(stream_id, *about_ns))
        beats = [
            {key: beat.get(key) for key in ("sample", "aami", "confidence", "rr_ms")}
            for beat in told
            if beat.get("session") == session and first <= beat["sample"] < first + n_samples
        ]
        return steps, beats
