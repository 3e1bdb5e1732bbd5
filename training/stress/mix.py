"""Noise added to a record at a calibrated level, as the MIT-BIH noise stress test does.

Definitions of the WFDB Applications Guide (nst and sigamp; Moody, Muldrow, Mark,
Computers in Cardiology 1984): signal power is the square of the mean QRS
peak-to-peak amplitude over eight, noise power the square of its mean RMS over
seconds, both means without the extreme 5 %; noise comes on and goes off every
two minutes after five minutes without.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.streams import UV_PER_UNIT
from ingest.errors import InputError
from ingest.frames import MISSING_ADU
from ingest.recording import Recording
from training.ec57 import DE_CHAZAL, Annotations
from training.noise_bank import FADE_S, level, trimmed_mean

QUIET_S = 300.0
"""Start of a record that stays as it is, s: EC57's learning period."""
PERIOD_S = 120.0
"""Length of noise, and of quiet between, s."""
QRS_REACH_S = 0.05
"""About each beat, to both sides, in which its peak-to-peak amplitude is taken, s."""
MOST_BEATS = 300
"""Beats that are measured, the first of the record."""


def signal_power(mv: NDArray[np.floating], marks: Annotations) -> float:
    """Measure the power of an ECG by its QRS complexes, mV squared.

    Parameters
    ----------
    mv : array of shape (n_samples,), mV
        One lead.
    marks : Annotations
        Reference; beats of class N are measured, or all where there are none of N.

    Raises
    ------
    ingest.errors.InputError
        If there is no beat.

    Examples
    --------
    >>> from training.ec57 import make_annotations
    >>> mv = np.zeros(1000); mv[500] = 2.0
    >>> signal_power(mv, make_annotations([500], ["N"], 250.0))
    0.5
    """
    classes = [DE_CHAZAL.classes.get(symbol) for symbol in marks.symbol]
    normal = [aami == "N" for aami in classes]
    chosen = marks.sample[np.array(normal if any(normal) else [c is not None for c in classes])]
    reach = round(QRS_REACH_S * marks.fs)
    chosen = chosen[(chosen >= reach) & (chosen < len(mv) - reach)][:MOST_BEATS]
    if not len(chosen):
        raise InputError("a signal-to-noise ratio needs beats: the reference has none")
    about = mv[chosen[:, None] + np.arange(-reach, reach + 1)]
    return trimmed_mean(np.ptp(about, axis=1)) ** 2 / 8


def schedule(n_samples: int, fs: float) -> NDArray[np.float64]:
    """Say how much of the noise is on at each sample, shape (n_samples,), 0 to 1.

    Examples
    --------
    >>> on = schedule(600, 1.0)
    >>> on[[0, 299, 310, 410, 430, 550]].tolist()
    [0.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    """
    t = np.arange(n_samples) / fs - QUIET_S
    into = t % (2 * PERIOD_S)
    edge = np.minimum(into, PERIOD_S - into) / FADE_S
    return np.asarray(np.where(t < 0, 0.0, np.clip(edge, 0.0, 1.0)))


def noise_gain(power_mv2: float, track: NDArray[np.floating], fs: float, snr_db: float) -> float:
    """Give what a track of noise is to be multiplied with, mV, for a signal-to-noise ratio."""
    return float(np.sqrt(power_mv2 / 10 ** (snr_db / 10)) / level(track, fs))


def with_noise(
    recording: Recording,
    row: int,
    marks: Annotations,
    track: NDArray[np.float32],
    snr_db: float | None,
) -> Recording:
    """Add noise to one lead of a recording.

    Parameters
    ----------
    recording : Recording
        The clean record.
    row : int
        Its lead to take; the result has no other.
    marks : Annotations
        Reference beats.
    track : array of shape (n_samples,)
        Noise at the record's sampling frequency, of any size.
    snr_db : float or None
        Signal-to-noise ratio where the noise is on, dB; None adds none.

    Returns
    -------
    Recording
        In the same calibration; what does not fit in int16 stands at its limit.
    """
    lead = recording.leads[row]
    clean = recording.samples[row]
    adu = clean.astype(np.float64)
    if snr_db is not None:
        mv_per_adu = UV_PER_UNIT[lead.unit] / 1000 / lead.adc_gain
        power = signal_power((adu - lead.baseline) * mv_per_adu, marks)
        gain = noise_gain(power, track, recording.fs, snr_db) / mv_per_adu
        adu += gain * track * schedule(len(adu), recording.fs)
    limit = -MISSING_ADU - 1
    noisy = np.clip(np.rint(adu), -limit, limit).astype(np.int16)
    noisy[clean == MISSING_ADU] = MISSING_ADU
    return Recording(
        recording.name, recording.fs, (lead,), noisy[None], recording.start_unix_ns
    )  # fmt: skip
