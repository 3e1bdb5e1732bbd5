"""Annotations of one record as plain arrays, checked once, and read from WFDB files."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ingest.errors import InputError

_END = bytes(2)  # annot(5): a file ends with a word of zeros


@dataclass(frozen=True, eq=False)
class Annotations:
    """Annotations of one annotator on one record, in time order.

    Raises
    ------
    InputError
        The arrays differ in length, a sample index is negative, the indices
        are not in time order, or `fs` is not a positive number.
    """

    sample: NDArray[np.int64]
    """Sample index of each annotation, shape (n,), not decreasing."""
    symbol: tuple[str, ...]
    """WFDB symbol of each annotation: beats, ``+`` rhythm, ``~`` quality, ``[`` ``]`` VF."""
    aux_note: tuple[str, ...]
    """Text of each annotation, such as ``(AFIB``; empty where there is none."""
    subtype: NDArray[np.int64]
    """WFDB subtype of each annotation, shape (n,); marks shutdown on ``~``."""
    fs: float
    """Sampling frequency of the sample indices, Hz."""

    def __post_init__(self) -> None:
        n = len(self.sample)
        if not (len(self.symbol) == len(self.aux_note) == len(self.subtype) == n):
            raise InputError("annotation arrays differ in length")
        if not (np.isfinite(self.fs) and self.fs > 0):
            raise InputError(f"sampling frequency must be above 0 Hz, not {self.fs}")
        if n and int(self.sample.min()) < 0:
            raise InputError(f"annotation at a negative sample index ({int(self.sample.min())})")
        back = np.flatnonzero(np.diff(self.sample) < 0)
        if back.size:
            i = int(back[0])
            raise InputError(
                f"annotations are not in time order: sample {int(self.sample[i])} is followed by "
                f"{int(self.sample[i + 1])}"
            )


def make_annotations(
    sample: ArrayLike,
    symbol: Sequence[str],
    fs: float,
    aux_note: Sequence[str] | None = None,
    subtype: ArrayLike | None = None,
) -> Annotations:
    """Make `Annotations` from arrays or lists.

    Parameters
    ----------
    sample
        Sample indices, shape (n,).
    symbol
        WFDB symbols, length n.
    fs
        Sampling frequency, Hz.
    aux_note, subtype
        Texts and subtypes, length n; empty and 0 when left out.

    Examples
    --------
    >>> make_annotations([100, 460], ["N", "V"], 360).symbol
    ('N', 'V')
    >>> make_annotations([460, 100], ["N", "V"], 360)
    Traceback (most recent call last):
        ...
    ingest.errors.InputError: annotations are not in time order: sample 460 is followed by 100
    """
    samples = np.asarray(sample, dtype=np.int64).reshape(-1)
    notes = [""] * len(samples) if aux_note is None else aux_note
    subtypes = np.zeros(len(samples)) if subtype is None else np.asarray(subtype)
    return Annotations(
        samples,
        tuple(symbol),
        tuple(note.rstrip("\0").strip() for note in notes),
        subtypes.astype(np.int64).reshape(-1),
        float(fs),
    )


@dataclass(frozen=True)
class RecordInfo:
    """What a WFDB header says that scoring needs."""

    fs: float
    """Sampling frequency, Hz."""
    n_samples: int | None
    """Length of the record in samples; None where the header does not say."""


@contextmanager
def _wfdb() -> Iterator[ModuleType]:
    """Lend wfdb, imported only when it is first needed: it brings pandas along."""
    with warnings.catch_warnings():
        # wfdb 4.3 uses what pandas 3 deprecates; nothing a caller could mend.
        warnings.simplefilter("ignore", DeprecationWarning)
        yield importlib.import_module("wfdb")


def read_header(directory: Path, record: str) -> RecordInfo | None:
    """Read sampling frequency and length from ``directory/record.hea``; None if there is none."""
    if not (directory / f"{record}.hea").is_file():
        return None
    try:
        with _wfdb() as wfdb:
            header = wfdb.rdheader(str(directory / record))
    except (ValueError, IndexError, KeyError, TypeError, OSError) as error:
        raise InputError(f"{directory / record}.hea cannot be read: {error}") from error
    if not header.fs:
        raise InputError(f"{directory / record}.hea gives no sampling frequency")
    return RecordInfo(float(header.fs), int(header.sig_len) if header.sig_len else None)


def read_annotations(
    directory: Path, record: str, extension: str, fs: float | None = None
) -> Annotations:
    """Read ``directory/record.extension`` with wfdb.

    Parameters
    ----------
    directory, record, extension
        Folder, record name and annotator name.
    fs
        Frequency to express the indices in, Hz: a file that states another
        one is rescaled, one that states none is taken to be at `fs`.

    Raises
    ------
    InputError
        The file is missing, is not a WFDB annotation file, states no
        frequency while `fs` is None, or breaks a rule of `Annotations`.
    """
    path = directory / f"{record}.{extension}"
    if not path.is_file():
        raise InputError(f"no annotation file {path}")
    if path.read_bytes()[-2:] != _END:
        raise InputError(f"{path} is empty, truncated or not a WFDB annotation file: no end mark")
    try:
        with _wfdb() as wfdb:
            read = wfdb.rdann(str(directory / record), extension)
    except (ValueError, IndexError, KeyError, TypeError, OSError) as error:
        raise InputError(f"{path} is not a WFDB annotation file: {error}") from error
    own_fs = float(read.fs) if read.fs else fs
    if own_fs is None:
        raise InputError(f"{path} states no sampling frequency and no header gives one")
    sample = np.asarray(read.sample, dtype=np.int64)
    if fs is not None and own_fs != fs:
        sample = np.rint(sample * (fs / own_fs)).astype(np.int64)
    try:
        # A code without a symbol is a user's own type, which is no beat.
        symbol = [s if isinstance(s, str) else "" for s in read.symbol]
        return make_annotations(sample, symbol, fs or own_fs, read.aux_note, read.subtype)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
