"""Who is shown in the demonstration: real excerpts where there are any, and simulated patients."""

from __future__ import annotations

import os
from pathlib import Path

from ingest.errors import InputError
from ingest.excerpt import demo_excerpt
from ingest.frames import MISSING_ADU
from ingest.recording import Recording
from ingest.simulator import demo_ward
from ingest.simulator.numerics import SUFFIX, numerics_beside
from ingest.simulator.pulses import loose_electrode, with_pulses
from ingest.wfdb_replay import open_recording

EXCERPT = "mitdb-208"
"""Pseudonym of the excerpt that is there on any machine."""
EXCERPT_BEGIN_S = 150.0
"""Where it begins, s: its ventricular beats come from here on, 8 in the first 20 s."""
REAL_S = 300.0
"""Length taken of a real record, s."""
SIMULATED_S = 300.0
"""Length of a simulated one, s."""
LEAST_FOR_PULSES = 6
"""Simulated patients from which on the last is one whose pulses veto what the ECG shows."""
ARRESTING = "dunlin"
"""The simulated patient whose arrest pulses confirm."""
DESATURATING = "osprey"
"""The simulated patient whose saturation falls now and then."""
LINE_EVERY = 3
"""Of so many simulated patients one has an arterial line."""
RECORDS = (("mitdb/200", 0.0), ("mitdb/119", 0.0), ("mitdb/201", 900.0), ("vfdb/427", 0.0))
"""Records of the data folder that are worth watching, and where to begin, s."""


def data_folder() -> Path | None:
    """Return the folder of the databases: ``VIGIL_DATA``, or ``../shared/data``; None without."""
    told = os.environ.get("VIGIL_DATA")
    folder = Path(told) if told else Path("..") / "shared" / "data"
    return folder if folder.is_dir() else None


def demo_patients(
    n: int, seed: int = 0
) -> tuple[dict[str, Recording], dict[str, Recording], list[str]]:
    """Choose the patients.

    Parameters
    ----------
    n : int
        How many, at least 1.
    seed : int
        Seed of the simulated ones.

    Returns
    -------
    recordings : dict of str to Recording
        By pseudonym, in the order of the beds: real ones first.
    numerics : dict of str to Recording
        Numerics of the simulated ones, by the pseudonym of their own stream.
    notes : list of str
        What could not be shown, and why.
    """
    recordings: dict[str, Recording] = {}
    numerics: dict[str, Recording] = {}
    notes: list[str] = []
    try:
        recordings[EXCERPT] = _part(demo_excerpt(), EXCERPT_BEGIN_S)
    except InputError as error:
        notes.append(str(error))
    recordings |= _real(data_folder(), min(len(RECORDS), n // 4), notes)
    recordings = dict(list(recordings.items())[:n])
    if left := n - len(recordings):
        pulsed = left >= LEAST_FOR_PULSES
        ward = demo_ward(left - pulsed, seed, duration_s=SIMULATED_S)
        loose = (loose_electrode(SIMULATED_S, seed=seed),) if pulsed else ()
        for record in (*ward, *loose):
            shown = with_pulses(record, seed=seed) if record.name == ARRESTING else record
            recordings[shown.name] = shown.as_recording()
        for i, record in enumerate(ward):
            told = numerics_beside(
                record, seed=seed, line=i % LINE_EVERY == 1, desaturates=record.name == DESATURATING
            )
            numerics[told.name] = told
    return recordings, numerics, notes


def owner_of(stream_id: str) -> str:
    """Return the patient of a stream of numerics; of an ECG itself.

    Examples
    --------
    >>> owner_of("wren-n"), owner_of("mitdb-208")
    ('wren', 'mitdb-208')
    """
    return stream_id.removesuffix(SUFFIX)


def _real(folder: Path | None, n: int, notes: list[str]) -> dict[str, Recording]:
    """Read excerpts of the data folder's records, those that are there."""
    found: dict[str, Recording] = {}
    for name, begin_s in RECORDS[:n] if folder else ():
        path = Path(str(folder)) / name
        if not path.with_suffix(".hea").is_file():
            continue
        try:
            whole = open_recording(path)
        except InputError as error:
            notes.append(str(error))
            continue
        part = _part(whole, begin_s, name)
        if (part.samples != MISSING_ADU).any():
            found[name.replace("/", "-")] = part
    return found


def _part(whole: Recording, begin_s: float, name: str | None = None) -> Recording:
    """Cut at most ``REAL_S`` seconds out of a recording."""
    first = int(begin_s * whole.fs)
    samples = whole.samples[:, first : first + int(REAL_S * whole.fs)]
    return Recording(name or whole.name, whole.fs, whole.leads, samples)
