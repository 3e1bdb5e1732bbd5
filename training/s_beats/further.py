"""What an S branch may be told besides what the shipped one sees, by name.

Some of it is learned, each from databases that no trial is judged on; what is learned is fitted
once and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ingest.errors import InputError
from training.architectures.atrial import AtrialDetector
from training.s_beats import fibrillation, long_memory, p_waves, surprise
from training.s_beats.seen import Seen


@dataclass(frozen=True, slots=True)
class Source:
    """One thing that may be told."""

    n_told: int
    """Figures a beat."""
    tell: Callable[[Any, Seen], Tensor]
    """Tells them, shape (n_beats, batch, n_told), by what was learned; None where nothing was."""
    fit: Callable[[Path], nn.Module] | None = None
    """Learns it from the data folder."""
    build: Callable[[], nn.Module] | None = None
    """Makes the module that its weights, once learned, are read into."""


SOURCES: Mapping[str, Source] = {
    "long": Source(long_memory.N_FEATURES, lambda _, seen: long_memory.long_memory(seen)),
    "p": Source(
        p_waves.N_TOLD,
        p_waves.tell_p_waves,
        lambda data: p_waves.fit_finder(p_waves.read_delineated(data)),
        p_waves.PFinder,
    ),
    "af": Source(
        fibrillation.N_TOLD,
        fibrillation.tell_fibrillation,
        fibrillation.fit_detector,
        AtrialDetector,
    ),
    "surprise": Source(
        surprise.N_TOLD,
        surprise.tell_surprise,
        lambda data: surprise.fit_next_beat(surprise.read_unlabelled(data)),
        surprise.NextBeat,
    ),
}
"""All of them."""


def n_told(names: Sequence[str]) -> int:
    """Add up the figures a beat of some sources.

    Raises
    ------
    ingest.errors.InputError
        If there is no such source.

    Examples
    --------
    >>> n_told(["p", "af"])
    11
    """
    if strange := sorted(set(names) - SOURCES.keys()):
        raise InputError(f"no source {', '.join(strange)}; there are: {', '.join(SOURCES)}")
    return sum(SOURCES[name].n_told for name in names)


class Further:
    """Tells some sequences of beats by several sources, and remembers what it told.

    Parameters
    ----------
    data : Path
        Folder of the databases.
    out : Path
        Where what is learned is kept.
    """

    def __init__(self, data: Path, out: Path) -> None:
        self._data, self._out = data, out
        self._learned: dict[str, nn.Module | None] = {}
        self._told: dict[tuple[str, str], Tensor] = {}

    def of(self, names: Sequence[str], key: str, seen: Seen) -> Tensor:
        """Tell beats by some sources.

        Parameters
        ----------
        names : sequence of str
            Of ``SOURCES``.
        key : str
            Names the sequences, other ones by another key.
        seen : Seen

        Returns
        -------
        Tensor of shape (n_beats, batch, n_told(names))
        """
        n, batch = seen.v.shape
        parts = [torch.zeros(n, batch, 0)]
        for name in names:
            if (name, key) not in self._told:
                self._told[name, key] = SOURCES[name].tell(self._model(name), seen)
            parts.append(self._told[name, key])
        return torch.cat(parts, dim=2)

    def _model(self, name: str) -> nn.Module | None:
        if name not in self._learned:
            self._learned[name] = self._open(SOURCES[name], self._out / "learned" / f"{name}.pt")
        return self._learned[name]

    def _open(self, source: Source, path: Path) -> nn.Module | None:
        if source.fit is None or source.build is None:
            return None
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(source.fit(self._data).state_dict(), path)
        model = source.build()
        model.load_state_dict(torch.load(path))
        return model.eval()
