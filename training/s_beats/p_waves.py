"""Where the P wave stands before a QRS, told by a finder that learned from ludb's delineations.

200 people, twelve leads, every P wave marked by cardiologists: many more P waves than DS1's
S beats teach, and of people whom nothing here is judged on. It learns from pieces of signal as
long as what the S branch sees before a QRS, wherever these lie, so a T wave is not taken for
a P wave because something has to be one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from inference.ticks import TICK_MS
from ingest.wfdb_replay import open_recording
from training.architectures.recall import ATRIAL, BEFORE, LENGTH, centred
from training.beat_sequences import cut_windows
from training.datasets import condition
from training.ec57 import read_annotations
from training.s_beats.seen import Seen

FOLDER = Path("ludb/data")
"""Of the database, below the data folder."""
FS = 125
"""Sampling frequency, Hz, as of the beats that are told."""
WIDTH = ATRIAL.stop - ATRIAL.start
"""Samples of a piece."""
NONE = WIDTH
"""Place that stands for no P wave."""
SHIFTS = (-25, 4)
"""Samples by which a piece is moved from where it would stand before a QRS, ends as of a range."""
EDGE = 6
"""Samples beside a piece: where a P wave peaks there, part of it is within, so nothing is said."""
STEPS, BATCH = 3000, 256
"""Updates of a fit, and pieces of each."""
PACE = 1 / 12
"""Share of the way that what is usual goes to each beat that is not V."""
N_TOLD = 8
"""Figures that are told of a beat."""


@dataclass(frozen=True, slots=True, eq=False)
class Delineated:
    """One lead of one person with its marks."""

    person: str
    """Record name: one a person."""
    scaled: NDArray[np.float32]
    """Array of shape (n_samples,): signal at ``FS`` over its amplitude scale."""
    r: NDArray[np.int64]
    """Array of shape (n_beats,): QRS complexes with a marked one before them, samples."""
    p: NDArray[np.int64]
    """Array of shape (n_waves,): peaks of P waves, samples."""


class PFinder(nn.Module):
    """Tells of a piece of signal at which sample its P wave peaks, or that it holds none."""

    def __init__(self) -> None:
        super().__init__()
        self.shape = nn.Sequential(
            nn.Conv1d(1, 24, 7, padding=3),
            nn.ReLU(),
            nn.Conv1d(24, 24, 7, padding=3),
            nn.ReLU(),
            nn.Conv1d(24, 24, 7, padding=3),
            nn.ReLU(),
        )
        self.place = nn.Conv1d(24, 1, 1)
        self.none = nn.Linear(48, 1)

    def forward(self, piece: Tensor) -> Tensor:
        """Give logits, shape (n, WIDTH + 1), of pieces of shape (n, WIDTH), less their median."""
        piece = piece - piece.median(1, keepdim=True).values
        seen = self.shape(piece[:, None])
        pooled = torch.cat([seen.amax(2), seen.mean(2)], dim=1)
        logits: Tensor = torch.cat([self.place(seen)[:, 0], self.none(pooled)], dim=1)
        return logits


def read_delineated(data: Path) -> list[Delineated]:
    """Read and condition all leads of ludb.

    Parameters
    ----------
    data : Path
        Folder of the databases.
    """
    found = []
    for header in sorted((data / FOLDER).glob("*.hea"), key=lambda path: int(path.stem)):
        recording = open_recording(header.with_suffix(""))
        for row, lead in enumerate(recording.leads):
            marks = read_annotations(header.parent, header.stem, lead.name.lower(), recording.fs)
            sample = np.rint(marks.sample * FS / recording.fs).astype(np.int64)
            symbol = np.array(marks.symbol)
            signal, scale = condition(recording, row, FS)
            scaled = signal / np.repeat(scale, FS * TICK_MS // 1000)
            r, p = sample[symbol == "N"][1:], sample[symbol == "p"]
            found.append(Delineated(header.stem, scaled.astype(np.float32), r, p))
    return found


def pieces_of(
    one: Delineated, shift: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cut the piece before each QRS of a lead, moved by so many samples.

    Returns
    -------
    pieces : array of shape (n_pieces, WIDTH)
        But for those that a P wave's peak just misses.
    place : array of shape (n_pieces,)
        Of the last P wave's peak within it, ``NONE`` without one.
    """
    at = one.r + shift
    windows = cut_windows(one.scaled, at, BEFORE, LENGTH - BEFORE)
    begin = at - BEFORE + ATRIAL.start
    within = one.p[None] - begin[:, None]
    place = np.where((within >= 0) & (within < WIDTH), within, -1).max(1, initial=-1)
    near = ((within >= -EDGE) & (within < WIDTH + EDGE)).any(1)
    pieces = centred(torch.from_numpy(windows))[:, ATRIAL].numpy()
    sure = (place >= 0) | ~near
    return pieces[sure], np.where(place < 0, NONE, place)[sure]


def fit_finder(
    leads: Sequence[Delineated], *, steps: int = STEPS, batch: int = BATCH, seed: int = 0
) -> PFinder:
    """Fit a finder; pieces are moved, scaled, turned over and made noisy at random.

    Parameters
    ----------
    leads : sequence of Delineated
    steps : int
        Updates.
    batch : int
        Pieces an update.
    seed : int
        Of weights and what is drawn.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    drawn = [pieces_of(one, rng.integers(*SHIFTS, len(one.r))) for one in leads for _ in range(6)]
    pieces, place = (np.concatenate(part) for part in zip(*drawn, strict=True))
    finder = PFinder()
    optimizer = torch.optim.AdamW(finder.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(steps):
        which = rng.integers(len(place), size=batch)
        gain = rng.choice([-1, 1], (batch, 1)) * np.exp(rng.normal(0, 0.3, (batch, 1)))
        noise = rng.standard_normal((batch, WIDTH)) * rng.uniform(0, 0.02, (batch, 1))
        heard = torch.from_numpy((pieces[which] * gain + noise).astype(np.float32))
        optimizer.zero_grad()
        cross_entropy(finder(heard), torch.from_numpy(place[which])).backward()
        optimizer.step()
        schedule.step()
    return finder.eval()


def tell_p_waves(finder: PFinder, seen: Seen) -> Tensor:
    """Tell whether a P wave is there, where, and how that differs from what is usual.

    Parameters
    ----------
    finder : PFinder
    seen : Seen
        Sequences from their beginning.

    Returns
    -------
    Tensor of shape (n_beats, batch, N_TOLD)
    """
    n, batch = seen.v.shape
    piece = seen.atrial[:, :, 0].float()
    with torch.no_grad():
        probs = torch.softmax(finder(piece.flatten(0, 1)), dim=1).reshape(n, batch, -1)
    there = 1 - probs[..., NONE]
    places = probs[..., :NONE]
    place = (places * torch.arange(WIDTH)).sum(-1) / places.sum(-1).clamp(min=1e-6) / WIDTH
    sharp = places.amax(-1)
    size = (places * piece).sum(-1) / places.sum(-1).clamp(min=1e-6) - piece.median(2).values
    usual = _usual(torch.stack([there, place, size], dim=-1), there, seen.v > 0)
    here = torch.stack([there, place, size], dim=-1)
    told = torch.cat([here, sharp[..., None], here - usual, usual[..., :1]], dim=-1)
    return told / (1 + 0.2 * told.abs())


def _usual(here: Tensor, there: Tensor, called: Tensor) -> Tensor:
    """Follow each figure over the beats before, place and size as far as a P wave was there."""
    now, kept = here[0], []
    for i in range(len(here)):
        kept.append(now)
        pace = (PACE * ~called[i])[:, None] * torch.stack(
            [torch.ones_like(there[i]), there[i], there[i]], dim=-1
        )
        now = now + pace * (here[i] - now)
    return torch.stack(kept)


def judged(finder: PFinder, leads: Sequence[Delineated]) -> dict[str, float]:
    """Tell how a finder does before the QRS of leads.

    Returns
    -------
    dict of str to float
        ``n``, pieces; ``se`` and ``sp``, shares of those with and without a P wave that are told
        as such; ``near``, share of those with one whose peak is told to two samples.
    """
    cut = [pieces_of(one, np.zeros(len(one.r), np.int64)) for one in leads if len(one.r)]
    pieces, place = (np.concatenate(part) for part in zip(*cut, strict=True))
    with torch.no_grad():
        probs = torch.softmax(finder(torch.from_numpy(pieces)), dim=1).numpy()
    there, said = place < NONE, probs[:, NONE] < 0.5
    near = np.abs(probs[:, :NONE].argmax(1) - place)[there] <= 2
    return {
        "n": len(place),
        "se": float(said[there].mean()),
        "sp": float((~said[~there]).mean()),
        "near": float(near.mean()),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Leave a fifth of the people out and tell how P waves are found in them."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m training.s_beats.p_waves")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--steps", type=int, default=STEPS, help=f"updates ({STEPS})")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    leads = read_delineated(arguments.data)
    out = set(sorted({one.person for one in leads}, key=int)[::5])
    finder = fit_finder([one for one in leads if one.person not in out], steps=arguments.steps)
    found = judged(finder, [one for one in leads if one.person in out])
    print(
        f"{len(out)} people left out, {found['n']} beats; in percent: told so of those with "
        f"a P wave {100 * found['se']:.1f}, of those without {100 * found['sp']:.1f}; "
        f"peak told to 16 ms {100 * found['near']:.1f}"
    )


if __name__ == "__main__":
    main()
