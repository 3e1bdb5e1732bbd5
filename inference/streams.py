"""Which stream sits in which slot, and what is told about it when something happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from inference.alarm_json import AlarmSource
from inference.pulse_leads import choose_pulse_leads
from inference.slots import Slots, Snapshot
from inference.stream_clock import StreamClock
from ingest.errors import InputError
from ingest.frames import ECG_UNITS, Lead
from ingest.sequence_types import Chunk

UV_PER_UNIT = {"uV": 1.0, "mV": 1e3, "V": 1e6}
"""Microvolts in each electrical unit."""

GAINS = (1e-4, 1e6)
"""Gains that are believed, adu/uV, without sign: from int16 that spans 6 kV to one of 65 nV."""

PREFERRED_LEADS = ("MLII", "II", "ML2", "I", "ECG")
"""Leads taken first where none was asked for: those in which the QRS stands out."""
SECOND_LEADS = ("V1", "V5", "V2", "V")
"""Leads taken beside such a one: those that look at the heart from the front."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One stream, as long as it sits in a slot."""

    stream_id: str
    """Pseudonym of the stream."""
    session: str
    """Session of the device."""
    fs: float
    """Sampling frequency of the source, Hz."""
    origin_unix_ns: int
    """UTC time of the session's sample 0, ns since 1970."""
    lead: Lead
    """The lead in use."""
    row: int
    """Its row in the stream's chunks."""
    beside: tuple[Lead, ...] = ()
    """Further leads in use."""
    rows_beside: tuple[int, ...] = ()
    """Their rows."""
    pulse_leads: tuple[Lead, ...] = ()
    """Leads that carry pulses, one of a kind (see :mod:`inference.pulse_leads`)."""
    pulse_rows: tuple[int, ...] = ()
    """Their rows."""
    spare: tuple[Lead, ...] = ()
    """Leads that are scored in place of the first where that cannot be read."""
    spare_rows: tuple[int, ...] = ()
    """Their rows."""

    @classmethod
    def of_chunk(
        cls, chunk: Chunk, wanted: str | None, n_leads: int = 1, n_spare: int = 0
    ) -> StreamInfo:
        """Describe the stream of a chunk, scored by the leads wanted or the best known.

        Leads beyond ``n_leads`` are spare ones, ``n_spare`` at most.

        Raises
        ------
        ingest.errors.InputError
            If no lead is an electrical signal, and as :func:`choose_leads`.
        """
        every = choose_leads(chunk.leads, wanted, n_leads + n_spare)
        if not every:
            raise InputError("no lead is an electrical signal")
        rows, spare_rows = every[:n_leads], every[n_leads:]
        leads = tuple(chunk.leads[row] for row in rows)
        told = (chunk.stream_id, chunk.session, chunk.fs, chunk.origin_unix_ns)
        pulse_rows = choose_pulse_leads(chunk.leads)
        pulse_leads = tuple(chunk.leads[row] for row in pulse_rows)
        spare = tuple(chunk.leads[row] for row in spare_rows)
        pulses = (pulse_leads, pulse_rows)
        return cls(*told, leads[0], rows[0], leads[1:], rows[1:], *pulses, spare, spare_rows)

    @property
    def leads(self) -> tuple[Lead, ...]:
        """All leads in use, the first of them the one to go by."""
        return (self.lead, *self.beside)

    @property
    def rows(self) -> tuple[int, ...]:
        """Their rows in the stream's chunks."""
        return (self.row, *self.rows_beside)

    def scored_lead(self, lead: int) -> Lead:
        """Return the first lead, or the spare one of a number from 1."""
        return self.spare[lead - 1] if lead else self.lead

    @property
    def clock(self) -> StreamClock:
        """From the stream's clock to source samples and UTC."""
        return StreamClock(self.fs, 0, self.origin_unix_ns)

    @property
    def source(self) -> AlarmSource:
        """The stream as alarms name it."""
        return AlarmSource(self.stream_id, self.session, self.clock)


@dataclass(frozen=True, slots=True, eq=False)
class StreamsSnapshot:
    """Whole streams, as they stand between two pushes."""

    streams: tuple[StreamInfo, ...]
    """Who they are."""
    models: tuple[str, ...]
    """Digests of the models that the state is of."""
    state: Snapshot
    """What all stages remember of them, rows in the order of ``streams``."""


def choose_lead(leads: tuple[Lead, ...], wanted: str | None) -> int | None:
    """Choose one lead to score: as :func:`choose_leads`; None where there is none."""
    return next(iter(choose_leads(leads, wanted, 1)), None)


def choose_leads(leads: tuple[Lead, ...], wanted: str | None, n_leads: int) -> tuple[int, ...]:
    """Choose the leads to score: those asked for, else preferred ones, else the first of ECG.

    Parameters
    ----------
    leads : tuple of Lead
        What the stream has.
    wanted : str or None
        Names with commas, in any case; the first is the lead to go by.
    n_leads : int
        Most that are wanted.

    Returns
    -------
    tuple of int
        Rows of the leads, fewer where there are not so many; empty where no lead is an
        electrical signal.

    Raises
    ------
    ingest.errors.InputError
        If there are electrical signals, but none asked for, naming those that are; or if
        the first lead's calibration is that of no ECG: another lead is then not taken.

    Examples
    --------
    >>> leads = tuple(Lead(name, "mV", 200.0) for name in ("V5", "I", "V1", "II"))
    >>> choose_leads(leads, None, 2), choose_leads(leads, "v5,i", 2), choose_leads(leads, "I", 2)
    ((3, 2), (0, 1), (1,))
    """
    electrical = [i for i, lead in enumerate(leads) if lead.unit in ECG_UNITS]
    if not electrical:
        return ()
    names = {leads[i].name.upper(): i for i in reversed(electrical)}
    if wanted is None:
        first = next((names[n] for n in PREFERRED_LEADS if n in names), electrical[0])
        second = [names[n] for n in SECOND_LEADS if n in names]
        order = [first, *second, *electrical]
    else:
        asked = [name.strip().upper() for name in wanted.split(",")]
        order = [names[name] for name in asked if name in names]
        if not order:
            there = ", ".join(leads[i].name for i in electrical)
            raise InputError(f"lead {wanted!r} is not there; there are: {there}")
    adu_per_uv(leads[order[0]])
    usable = [i for i in dict.fromkeys(order) if is_calibrated(leads[i])]
    return tuple(usable[:n_leads])


def adu_per_uv(lead: Lead) -> float:
    """Gain of a lead, adu/uV; negative where it is upside down.

    Raises
    ------
    ingest.errors.InputError
        If it lies outside of ``GAINS``.

    Examples
    --------
    >>> adu_per_uv(Lead("II", "mV", 200.0))
    0.2
    """
    if not is_calibrated(lead):
        low, high = GAINS
        raise InputError(
            f"lead {lead.name!r} has an adc_gain of {lead.adc_gain} adu/{lead.unit}; "
            f"allowed: {low:g} to {high:g} adu/uV, either sign"
        )
    return lead.adc_gain / UV_PER_UNIT[lead.unit]


def is_calibrated(lead: Lead) -> bool:
    """Tell whether the gain of an electrical lead lies within ``GAINS``."""
    return GAINS[0] <= abs(lead.adc_gain / UV_PER_UNIT[lead.unit]) <= GAINS[1]


class Streams:
    """The slots and who sits in them."""

    def __init__(self) -> None:
        self._slot_of: dict[str, int] = {}
        self._info: list[StreamInfo | None] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        """Return the number of streams that sit in a slot."""
        return len(self._slot_of)

    def takes(self, leads: Sequence[Lead], fs: float, wanted: str | None) -> bool:
        """Tell whether a stream of these leads has one that is an electrical signal.

        Raises
        ------
        ingest.errors.InputError
            As :func:`choose_leads`.
        """
        return choose_lead(tuple(leads), wanted) is not None

    def slot(self, stream_id: str) -> int | None:
        """Slot of a stream, None where it has none."""
        return self._slot_of.get(stream_id)

    def info(self, slot: int) -> StreamInfo:
        """Return who sits in a slot.

        Raises
        ------
        KeyError
            If nobody does.
        """
        found = self._info[slot] if 0 <= slot < len(self._info) else None
        if found is None:
            raise KeyError(f"slot {slot} is free")
        return found

    def infos(self, slots: Slots) -> tuple[StreamInfo, ...]:
        """Return who sits in each of some slots, where somebody does in every one."""
        there = self._info
        return tuple([there[slot] for slot in slots.tolist()])

    def seated(self, stream_ids: Iterable[str]) -> Slots:
        """Slots of those streams that have one, shape (n,), in their order."""
        found = [self._slot_of[name] for name in stream_ids if name in self._slot_of]
        return np.array(found, np.intp)

    def slots(self) -> dict[str, int]:
        """Slot of every stream, in the order they came."""
        return dict(self._slot_of)

    def take(self, info: StreamInfo) -> int:
        """Seat a stream; return its slot."""
        slot = self._free.pop() if self._free else len(self._info)
        if slot == len(self._info):
            self._info.append(None)
        self._slot_of[info.stream_id] = slot
        self._info[slot] = info
        return slot

    def leave(self, slot: int) -> None:
        """Free a slot."""
        del self._slot_of[self.info(slot).stream_id]
        self._info[slot] = None
        self._free.append(slot)
