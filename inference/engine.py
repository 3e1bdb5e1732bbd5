"""ECG and numerics in one engine: each stream goes to what can score it.

A stream with an electrical lead is scored by the pipeline, one without by the forecaster. In
snapshots what is remembered stands under ``ecg.`` or ``numerics.``, each with who is *seated*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.limits import Limits
from inference.model import ModelInfo
from inference.numeric_streams import NumericStreams
from inference.pipeline import Pipeline
from inference.results import Results
from inference.slots import Snapshot
from inference.some_slots import SEATED
from inference.streams import StreamsSnapshot
from ingest.errors import InputError
from ingest.frames import ECG_UNITS, Lead
from ingest.sequence_types import Chunk, Chunks, End, Item, Ordered

ECG, NUMERICS = "ecg", "numerics"
"""What stands before the names of a snapshot's arrays."""


class AllSeats:
    """Who is being scored, by whichever of the two."""

    def __init__(self, ecg: Pipeline, numerics: NumericStreams) -> None:
        self._ecg, self._numerics = ecg, numerics

    def __len__(self) -> int:
        """Return the number of streams that sit in a slot."""
        return len(self._ecg.streams) + len(self._numerics.streams)

    def slot(self, stream_id: str) -> int | None:
        """Slot of a stream among those of its kind, None where it has none."""
        slot = self._ecg.streams.slot(stream_id)
        return self._numerics.streams.slot(stream_id) if slot is None else slot

    def takes(self, leads: Sequence[Lead], fs: float, wanted: str | None) -> bool:
        """Tell whether a stream of these leads can be scored.

        Raises
        ------
        ingest.errors.InputError
            If the lead wanted is not there, or numerics come at a rate that is not allowed.
        """
        return self._ecg.streams.takes(leads, fs, wanted) or self._numerics.takes(leads, fs)


class Engine:
    """A pipeline of ECG with a forecaster of numerics beside it.

    Parameters
    ----------
    ecg : Pipeline
        What scores streams with an electrical lead.
    numerics : NumericStreams
        What scores the others.
    """

    def __init__(self, ecg: Pipeline, numerics: NumericStreams) -> None:
        self.ecg, self.numerics = ecg, numerics
        self.streams = AllSeats(ecg, numerics)

    @property
    def models(self) -> list[ModelInfo]:
        """Metadata of all models, the beat model first, the forecaster last."""
        return [*self.ecg.models, self.numerics.model]

    @property
    def limits(self) -> Limits:
        """Alarm limits in force."""
        return self.ecg.limits

    @property
    def lead(self) -> str | None:
        """Lead asked for."""
        return self.ecg.lead

    def push(self, items: Iterable[Ordered]) -> Results:
        """Take sequenced items of any streams, in each stream's order."""
        of_ecg, of_numerics = self._parted(items)
        results = self.ecg.push(of_ecg)
        if of_numerics:
            self.numerics.push(of_numerics, results)
        return results

    def forget(self, stream_ids: Iterable[str]) -> None:
        """Let streams go without a word: another worker goes on with them."""
        gone = list(stream_ids)
        self.ecg.forget(gone)
        self.numerics.forget(gone)

    def limits_of(self, stream_id: str) -> Limits:
        """Give the limits in force for a stream."""
        return self.ecg.limits_of(stream_id)

    def set_limits(self, stream_id: str, limits: Limits) -> None:
        """Select the limits of one stream, as :meth:`inference.pipeline.Pipeline.set_limits`."""
        self.ecg.set_limits(stream_id, limits)

    def snapshot(self, stream_ids: Iterable[str]) -> StreamsSnapshot:
        """Copy all that is remembered of some streams.

        Raises
        ------
        ingest.errors.InputError
            If one of them sits nowhere.
        """
        wanted = list(stream_ids)
        there = self.numerics.streams
        mine = np.array([there.slot(name) is not None for name in wanted], np.bool_)
        ecg = self.ecg.snapshot([name for name, n in zip(wanted, mine, strict=True) if not n])
        numerics = self.numerics.snapshot([n for n, m in zip(wanted, mine, strict=True) if m])
        infos = {info.stream_id: info for info in (*ecg.streams, *numerics.streams)}
        state: Snapshot = {}
        for prefix, part, seated in ((ECG, ecg, ~mine), (NUMERICS, numerics, mine)):
            if seated.any():
                state |= _spread(prefix, part.state, seated)
        return StreamsSnapshot(tuple(infos[name] for name in wanted), self._digests(), state)

    def restore(self, snapshot: StreamsSnapshot) -> None:
        """Go on with streams as the engine would have that took the snapshot.

        Raises
        ------
        ingest.errors.InputError
            If it is of other models, or not a snapshot of this engine; its streams are
            forgotten then.
        """
        if snapshot.models != self._digests():
            raise InputError("the snapshot was taken with other models than these")
        self.forget([info.stream_id for info in snapshot.streams])
        ecg = _gathered(ECG, snapshot, self._digests()[:-1])
        numerics = _gathered(NUMERICS, snapshot, self._digests()[-1:])
        if len(ecg.streams) + len(numerics.streams) != len(snapshot.streams):
            raise InputError("the snapshot does not fit: it does not tell what scores its streams")
        try:
            if ecg.streams:
                self.ecg.restore(ecg)
            if numerics.streams:
                self.numerics.restore(numerics)
        except InputError:
            self.forget([info.stream_id for info in snapshot.streams])
            raise

    def _digests(self) -> tuple[str, ...]:
        return tuple(info.digest for info in self.models)

    def _parted(self, items: Iterable[Ordered]) -> tuple[list[Ordered], list[Item]]:
        """Part items of ECG from items of numerics; a stream that becomes the other ends."""
        of_ecg: list[Ordered] = []
        mine: list[Item] = []
        begun: dict[str, bool] = {}  # streams that came up in this push: whether they are numerics
        for item in items:
            if isinstance(item, Chunks):
                _part_chunks(item, of_ecg, mine, begun)
                continue
            was_mine = self._was_mine(item.stream_id, begun)
            is_mine = bool(was_mine)
            if isinstance(item, Chunk):
                is_mine = begun[item.stream_id] = _is_numerics(item.leads)
                if was_mine is not None and is_mine != was_mine:
                    end = End(item.stream_id, item.session, item.first_sample)
                    (mine if was_mine else of_ecg).append(end)
            (mine if is_mine else of_ecg).append(item)
        return of_ecg, mine

    def _was_mine(self, stream_id: str, begun: dict[str, bool]) -> bool | None:
        """Tell whether a stream is one of numerics so far; None where it is nothing yet."""
        if stream_id in begun:
            return begun[stream_id]
        if self.numerics.streams.slot(stream_id) is not None:
            return True
        return None if self.ecg.streams.slot(stream_id) is None else False


def of_ecg(items: Iterable[Ordered]) -> list[Ordered]:
    """Leave out the samples of streams of numerics."""
    found: list[Ordered] = []
    for item in items:
        if isinstance(item, Chunks):
            _part_chunks(item, found, [], {})
        elif not (isinstance(item, Chunk) and _is_numerics(item.leads)):
            found.append(item)
    return found


def _is_numerics(leads: Sequence[Lead]) -> bool:
    """Tell whether no lead is an electrical signal; most are known by their first lead."""
    return leads[0].unit not in ECG_UNITS and all(lead.unit not in ECG_UNITS for lead in leads)


def _part_chunks(
    item: Chunks, of_ecg: list[Ordered], mine: list[Item], begun: dict[str, bool]
) -> None:
    """Part chunks of many streams."""
    own = [i for i, layout in enumerate(item.layouts) if _is_numerics(layout.leads)]
    if not own:
        of_ecg.append(item)
        return
    mine += [item.chunk(i) for i in own]
    begun |= {item.stream_ids[i]: True for i in own}
    others = sorted(set(range(len(item.layouts))) - set(own))
    if others:
        rest = Chunks()
        for i in others:
            rest.stream_ids.append(item.stream_ids[i])
            rest.first_samples.append(item.first_samples[i])
            rest.layouts.append(item.layouts[i])
            rest.raw.append(item.raw[i])
        of_ecg.append(rest)


def _spread(prefix: str, state: Snapshot, seated: NDArray[np.bool_]) -> Snapshot:
    """Give rows of some streams a place among those of all."""
    found: Snapshot = {f"{prefix}.{SEATED}": seated}
    for name, rows in state.items():
        spread = np.zeros((len(seated), *rows.shape[1:]), rows.dtype)
        spread[seated] = rows
        found[f"{prefix}.{name}"] = rows if seated.all() else spread
    return found


def _gathered(prefix: str, snapshot: StreamsSnapshot, models: tuple[str, ...]) -> StreamsSnapshot:
    """Undo :func:`_spread`.

    Raises
    ------
    ingest.errors.InputError
        If arrays and streams are not as many.
    """
    n = len(snapshot.streams)
    seated = snapshot.state.get(f"{prefix}.{SEATED}", np.zeros(n, np.bool_))
    own = {k: v for k, v in snapshot.state.items() if k.startswith(f"{prefix}.")}
    if seated.dtype != np.bool_ or any(len(rows) != n for rows in own.values()):
        raise InputError(f"the snapshot does not fit: {n} streams, and other rows of {prefix!r}")
    infos = tuple(
        i for i, is_here in zip(snapshot.streams, seated.tolist(), strict=True) if is_here
    )
    skipped = f"{prefix}.{SEATED}"
    state = {k.removeprefix(f"{prefix}."): v[seated] for k, v in own.items() if k != skipped}
    return StreamsSnapshot(infos, models, state if infos else {})
