"""The shape of a patient's beats: waves as sums of Gaussians around the R-peak.

ECGSYN (McSharry, Clifford, Tarassenko and Smith, IEEE Trans Biomed Eng 50:289, 2003,
doi 10.1109/TBME.2003.808805) moves a point around a limit cycle, pushed up and
down by Gaussian attractors at the angles of P, Q, R, S and T. Summing the
Gaussians directly over the phase, as Sameni et al. 2007 (doi 10.1155/2007/43407) do,
gives the same waves without integrating a differential equation. Widths here are
in seconds, and may differ on the two sides of a wave, as the T wave's do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ingest.simulator.textures import FloatArray


@dataclass(frozen=True, slots=True)
class Wave:
    """One Gaussian wave of a beat at 60 bpm."""

    amplitude_mv: float
    """Height, negative where it points down, mV."""
    centre_s: float
    """Time of its peak from the R-peak, s."""
    rise_s: float
    """Standard deviation before the peak, s."""
    fall_s: float
    """Standard deviation after the peak, s."""
    stretch: float = 0.0
    """Exponent by which centre and widths follow RR: 0.5 is Bazett's rule, as in ECGSYN."""


@dataclass(frozen=True, slots=True)
class Morphology:
    """The waves of one patient in one lead."""

    p: tuple[Wave, ...]
    """Atrial wave of a sinus beat."""
    p_ectopic: tuple[Wave, ...]
    """Atrial wave of a premature atrial beat."""
    qrst: tuple[Wave, ...]
    """QRS and T of a beat conducted from above."""
    ventricular: tuple[Wave, ...]
    """Wide QRS and discordant T of a beat that begins in the ventricle."""

    def inverted(self) -> Morphology:
        """Return the same patient with the lead's electrodes exchanged."""
        return self.scaled(-1.0)

    def scaled(self, gain: float) -> Morphology:
        """Return the same patient with every wave multiplied by ``gain``."""

        def times(waves: tuple[Wave, ...]) -> tuple[Wave, ...]:
            return tuple(replace(w, amplitude_mv=w.amplitude_mv * gain) for w in waves)

        return Morphology(
            times(self.p), times(self.p_ectopic), times(self.qrst), times(self.ventricular)
        )


def make_morphology(
    *,
    r_mv: float = 1.1,
    s_fraction: float = 0.25,
    width: float = 1.0,
    p_mv: float = 0.13,
    t_mv: float = 0.30,
    st_mv: float = 0.0,
    ventricular_mv: float = 1.4,
    ventricular_width: float = 1.0,
) -> Morphology:
    """Build a patient's waves from what a clinician would name.

    Parameters
    ----------
    r_mv : float
        Height of R, mV.
    s_fraction : float
        Depth of S as a fraction of R: the QRS axis, as this lead sees it.
    width : float
        QRS width relative to a normal one of about 90 ms.
    p_mv, t_mv, st_mv : float
        Heights of P and T, and level of ST, mV; T and ST may be negative.
    ventricular_mv : float
        Height of the main deflection of ventricular beats, mV; may be negative.
    ventricular_width : float
        Width relative to a ventricular beat of about 150 ms; 120 ms and more is wide
        (Surawicz et al., AHA/ACCF/HRS 2009, doi 10.1161/CIRCULATIONAHA.108.191095).

    Returns
    -------
    Morphology
        The waves, centred on the largest deflection of the QRS.

    Examples
    --------
    >>> max(make_morphology(r_mv=2.0).qrst, key=lambda w: w.amplitude_mv).amplitude_mv
    2.0
    """
    k, v = width, ventricular_width
    p = (
        Wave(p_mv, -0.168, 0.020, 0.020, 0.25),
        Wave(0.75 * p_mv, -0.138, 0.018, 0.018, 0.25),
    )
    p_ectopic = (Wave(-0.6 * p_mv, -0.130, 0.014, 0.016, 0.0),)
    qrst = (
        Wave(-0.10 * abs(r_mv), -0.028 * k, 0.0075 * k, 0.0075 * k),
        Wave(r_mv, 0.0, 0.0105 * k, 0.0105 * k),
        Wave(-s_fraction * r_mv, 0.029 * k, 0.009 * k, 0.011 * k),
        Wave(st_mv, 0.120, 0.035, 0.060, 0.5),
        Wave(t_mv, 0.285, 0.058, 0.034, 0.5),
    )
    ventricular = (
        Wave(-0.16 * ventricular_mv, -0.072 * v, 0.016 * v, 0.016 * v),
        Wave(ventricular_mv, 0.0, 0.024 * v, 0.027 * v),
        Wave(-0.30 * ventricular_mv, 0.078 * v, 0.024 * v, 0.036 * v),
        Wave(-0.42 * ventricular_mv, 0.305, 0.085, 0.050, 0.5),
    )
    return Morphology(p, p_ectopic, qrst, ventricular)


def random_morphology(rng: np.random.Generator) -> Morphology:
    """Draw a plausible patient: amplitudes, axis, widths, T wave, seldom an inverted lead.

    Examples
    --------
    >>> draw = lambda: random_morphology(np.random.default_rng(3))
    >>> draw() == draw()
    True
    """
    sign = 1.0 if rng.random() < 0.6 else -1.0
    drawn = make_morphology(
        r_mv=rng.uniform(0.7, 1.7),
        s_fraction=rng.uniform(0.05, 0.6),
        width=rng.uniform(0.85, 1.15),
        p_mv=rng.uniform(0.08, 0.18),
        t_mv=rng.uniform(0.15, 0.42) * (1.0 if rng.random() < 0.85 else -0.6),
        st_mv=rng.normal(0.0, 0.03),
        ventricular_mv=sign * rng.uniform(1.1, 2.0),
        ventricular_width=rng.uniform(0.9, 1.2),
    )
    return drawn.inverted() if rng.random() < 0.1 else drawn


def wave_table(waves: tuple[Wave, ...]) -> FloatArray:
    """Return waves as an array of shape (n_waves, 5), columns as the fields of :class:`Wave`."""
    rows = [(w.amplitude_mv, w.centre_s, w.rise_s, w.fall_s, w.stretch) for w in waves]
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


def draw_waves(
    out: FloatArray,
    waves: tuple[Wave, ...],
    at_s: FloatArray,
    rr_s: FloatArray,
    gain: FloatArray,
    fs: float,
) -> None:
    """Add the same waves to a signal at many places.

    Parameters
    ----------
    out : FloatArray
        Array of shape (n_samples,), mV; added to in place, its first sample at time 0.
    waves : tuple of Wave
        The waves of one beat.
    at_s : FloatArray
        Array of shape (n_beats,): times of the R-peaks, s.
    rr_s : FloatArray
        Array of shape (n_beats,): RR interval that the waves follow, s.
    gain : FloatArray
        Array of shape (n_beats,): factor of every wave.
    fs : float
        Sampling frequency, Hz.
    """
    if not at_s.size:
        return
    for amplitude, centre, rise, fall, stretch in wave_table(waves):
        if amplitude == 0.0:
            continue
        scale = np.clip(rr_s, 0.3, 1.6) ** stretch
        peak_s = at_s + centre * scale
        reach = int(np.ceil(4.5 * max(rise, fall) * float(scale.max()) * fs)) + 1
        middle = np.rint(peak_s * fs).astype(np.int64)
        index = middle[:, None] + np.arange(-reach, reach + 1)
        away_s = index / fs - peak_s[:, None]
        sigma = np.where(away_s < 0.0, rise, fall) * scale[:, None]
        height = amplitude * gain[:, None] * np.exp(-0.5 * np.square(away_s / sigma))
        _add_inside(out, index, height)


def _add_inside(out: FloatArray, index: NDArray[np.int64], height: FloatArray) -> None:
    """Add values at sample indices, leaving out those that lie outside the array."""
    inside = (index >= 0) & (index < out.size)
    out += np.bincount(index[inside], weights=height[inside], minlength=out.size)


def beat_waveform(
    waves: tuple[Wave, ...],
    fs: float,
    *,
    before_s: float = 0.3,
    after_s: float = 0.6,
    rr_s: float = 0.8,
) -> FloatArray:
    """Return one beat alone, for training augmentation and for drawing.

    Parameters
    ----------
    waves : tuple of Wave
        Such as ``morphology.ventricular`` or ``morphology.p + morphology.qrst``.
    fs : float
        Sampling frequency, Hz.
    before_s, after_s : float
        How much to give on both sides of the R-peak, s.
    rr_s : float
        RR interval that P and T follow, s.

    Returns
    -------
    FloatArray
        Array of shape (n_samples,), mV; the R-peak at index ``round(before_s * fs)``.

    Examples
    --------
    >>> beat = beat_waveform(make_morphology().qrst, 250.0)
    >>> int(beat.argmax()), round(float(beat.max()), 1)
    (75, 1.1)
    """
    start = round(before_s * fs)
    out = np.zeros(start + round(after_s * fs), dtype=np.float64)
    one = np.ones(1)
    draw_waves(out, waves, one * (start / fs), one * rr_s, one, fs)
    return out
