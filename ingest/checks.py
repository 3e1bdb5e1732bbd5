"""What a frame must be, checked alike before it is sent and after it was received."""

from __future__ import annotations

import math

import numpy as np

from ingest.frames import ECG_UNITS, MAX_FS, MIN_FS, Frame, FrameError, Lead

MAX_ID_CHARS = 128
"""Longest stream id and session."""

MAX_NAME_CHARS = 64
"""Longest lead name and unit."""

MAX_LEADS = 64
"""Most leads of one frame."""

MAX_FRAME_BYTES = 4 << 20
"""Most bytes of samples of one frame: 26 s of 16 leads at 5 kHz."""

MAX_SAMPLE = 1 << 53
"""Largest sample index: what a double still counts exactly."""

FRAME_REASONS = (
    "not-protobuf",
    "version",
    "too-large",
    "stream-id",
    "session",
    "first-sample",
    "start-time",
    "fs",
    "leads",
    "lead",
    "gain",
    "samples",
    "empty",
    "layout-change",
    "jump",
)
"""Every reason a frame is refused for, as counters and dead letters name it."""


def check_fs(fs: float, leads: tuple[Lead, ...]) -> None:
    """Refuse a sampling frequency that cannot be used.

    Numerics such as SpO2 at 1 Hz are frames too: only leads in an electrical
    unit need :data:`~ingest.frames.MIN_FS`.

    Raises
    ------
    FrameError
        With reason ``"fs"``.

    Examples
    --------
    >>> check_fs(360.0, (Lead("MLII"),))
    >>> check_fs(1.0, (Lead("SpO2", unit="%"),))
    >>> check_fs(1.0, (Lead("MLII"),))
    Traceback (most recent call last):
    ingest.frames.FrameError: fs of 1 Hz with lead 'MLII' in mV: ECG needs 50 to 4096 Hz
    """
    if not (math.isfinite(fs) and 0 < fs <= MAX_FS):
        raise FrameError("fs", f"fs of {fs:g} Hz: must be above 0 and at most {MAX_FS:g} Hz")
    for lead in leads:
        if fs < MIN_FS and lead.unit in ECG_UNITS:
            raise FrameError(
                "fs",
                f"fs of {fs:g} Hz with lead {lead.name!r} in {lead.unit}: "
                f"ECG needs {MIN_FS:g} to {MAX_FS:g} Hz",
            )


def check_lead(lead: Lead) -> None:
    """Refuse a lead without a name, with a gain of zero, or with an endless unit.

    Raises
    ------
    FrameError
        With reason ``"lead"`` or ``"gain"``.
    """
    if not 0 < len(lead.name) <= MAX_NAME_CHARS:
        raise FrameError("lead", f"lead name of {len(lead.name)} characters: 1 to {MAX_NAME_CHARS}")
    if len(lead.unit) > MAX_NAME_CHARS:
        raise FrameError("lead", f"unit of {len(lead.unit)} characters: at most {MAX_NAME_CHARS}")
    if not (math.isfinite(lead.adc_gain) and lead.adc_gain != 0):
        raise FrameError("gain", f"adc_gain {lead.adc_gain} of lead {lead.name!r}: finite, not 0")
    if not -(1 << 31) <= lead.baseline < 1 << 31:
        raise FrameError("lead", f"baseline {lead.baseline} of lead {lead.name!r}: 32 bits")


def check_leads(leads: tuple[Lead, ...]) -> None:
    """Refuse no leads, too many leads, or a bad one.

    Raises
    ------
    FrameError
        With reason ``"leads"``, ``"lead"`` or ``"gain"``.
    """
    if not 0 < len(leads) <= MAX_LEADS:
        raise FrameError("leads", f"{len(leads)} leads: 1 to {MAX_LEADS} are allowed")
    for lead in leads:
        check_lead(lead)


def check_frame(frame: Frame) -> None:
    """Refuse a frame that no stage could use.

    Raises
    ------
    FrameError
        With one of :data:`FRAME_REASONS`.
    """
    if not 0 < len(frame.stream_id) <= MAX_ID_CHARS:
        raise FrameError(
            "stream-id", f"stream_id of {len(frame.stream_id)} characters: 1 to {MAX_ID_CHARS}"
        )
    if len(frame.session) > MAX_ID_CHARS:
        raise FrameError(
            "session", f"session of {len(frame.session)} characters: at most {MAX_ID_CHARS}"
        )
    check_leads(frame.leads)
    check_fs(frame.fs, frame.leads)
    _check_samples(frame)
    if not 0 <= frame.first_sample <= MAX_SAMPLE:
        raise FrameError("first-sample", f"first_sample {frame.first_sample}: 0 to 2**53")
    if not -(1 << 63) <= frame.start_unix_ns < 1 << 63:
        raise FrameError("start-time", f"start_unix_ns {frame.start_unix_ns}: 64 bits")


def _check_samples(frame: Frame) -> None:
    """Refuse samples of a wrong type or shape, too many, or none."""
    samples = frame.samples
    if samples.dtype != np.int16 or samples.ndim != 2 or len(samples) != len(frame.leads):
        raise FrameError(
            "samples",
            f"samples are {samples.dtype}{samples.shape}: int16 of shape "
            f"({len(frame.leads)}, n_samples) is wanted",
        )
    if samples.nbytes > MAX_FRAME_BYTES:
        raise FrameError("too-large", f"{samples.nbytes} bytes of samples: {MAX_FRAME_BYTES} fit")
    if samples.shape[1] == 0 and not frame.last:
        raise FrameError("empty", "a frame without samples: only the last of a session may be")
