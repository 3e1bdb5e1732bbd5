"""All that is remembered of one stream, as bytes: written now and then, read by who takes over.

The form: ``VGLS``, a byte of version, the length of a JSON header, the header, the
arrays one after another, and the SHA-256 of all before it. The header tells which
models, limits and options the state is of: a state of others is refused, since what
it remembers would mean something else.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from inference.scorer import Scorer
from inference.slots import Snapshot
from inference.streams import StreamInfo, StreamsSnapshot
from inference.written_seats import WrittenSeat, written_seats
from ingest.errors import InputError
from ingest.frames import Lead
from ingest.sequence import Sequencer

MAGIC = b"VGLS"
FORMAT = 1
"""Version of the form."""
MEANING = 1
"""Version of what the numbers mean: raised where a stage changes what it remembers without
changing the names or shapes of its arrays, which are checked by themselves."""
_DIGEST_BYTES = 32


class StateError(InputError):
    """A state that cannot be gone on from.

    Parameters
    ----------
    reason : str
        A short fixed word for counters: ``"checksum"``, ``"format"``, ``"models"``,
        ``"limits"``, ``"options"`` or ``"shape"``.
    message : str
        What was wrong, and what is allowed.
    alarms : tuple of bytes, optional
        The last message of each alarm that stood, where a state that is whole is of others; None
        where the state could not be read so far.
    """

    def __init__(self, reason: str, message: str, alarms: tuple[bytes, ...] | None = None) -> None:
        super().__init__(message)
        self.reason, self.alarms = reason, alarms


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a state is of: only the same goes on with it."""

    models: tuple[str, ...]
    """Digests of the models."""
    limits: str
    """Digest of the alarm limits."""
    options: str
    """Digest of the lead asked for and of the sequencer's bounds."""
    meaning: int = MEANING
    """Version of what the numbers mean."""

    @classmethod
    def of(cls, pipeline: Scorer, sequencer: Sequencer) -> Fingerprint:
        """Describe who scores."""
        options = [pipeline.lead, sequencer.bound_s, sequencer.max_jump_s]
        return cls(
            tuple(info.digest for info in pipeline.models),
            _digest(dataclasses.asdict(pipeline.limits)),
            _digest(options),
        )


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream between two of its frames."""

    stream_id: str
    """Pseudonym of the stream."""
    offset: int
    """Its partition's offset: all messages below are in the state, none from there on."""
    heard_ms: int
    """Minute of the log in which the stream was last heard, ms since 1970."""
    order: bytes
    """What the sequencer remembers."""
    seat: StreamsSnapshot | None
    """What the pipeline remembers; None for a stream that sits nowhere, as one that ended."""
    alarms: tuple[bytes, ...] = ()
    """The last message of every alarm that stands."""


def encode_state(state: StreamState, of: Fingerprint, seat: WrittenSeat | None = None) -> bytes:
    """Write a state as one message.

    Parameters
    ----------
    state : StreamState
        The state.
    of : Fingerprint
        What it is of.
    seat : WrittenSeat, optional
        What the pipeline remembers, where it is written already, as of many streams at once;
        ``state.seat`` is not looked at then.
    """
    if seat is None and state.seat is not None:
        [seat] = written_seats(state.seat)
    told = {
        "stream_id": state.stream_id,
        "offset": state.offset,
        "heard_ms": state.heard_ms,
        "order": state.order.decode(),
        "alarms": [alarm.decode() for alarm in state.alarms],
    }
    info, arrays, rows = ("null", "[]", b"") if seat is None else seat.parts
    text = f'{_as_json(of)[:-1]}, {json.dumps(told)[1:-1]}, "info": {info}, "arrays": {arrays}}}'
    head = text.encode()
    body = b"".join([MAGIC, bytes([FORMAT]), len(head).to_bytes(4, "big"), head, rows])
    return body + hashlib.sha256(body).digest()


@cache
def _as_json(of: Fingerprint) -> str:
    """Write what states are of, as an object of its own: the same for all of a worker."""
    return json.dumps({"of": dataclasses.asdict(of)})


def decode_state(message: bytes, of: Fingerprint) -> StreamState:
    """Read what :func:`encode_state` wrote.

    Raises
    ------
    StateError
        If it was cut or changed, is of another version, or is not of this fingerprint.
    """
    body, digest = message[:-_DIGEST_BYTES], message[-_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise StateError("checksum", f"a state of {len(message)} bytes is not what was written")
    try:
        return _read(body, of)
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        if isinstance(error, StateError):
            raise
        raise StateError("format", f"a state that nobody wrote: {type(error).__name__}") from error
    except RecursionError:
        raise StateError("format", "a state nested too deeply") from None


def _read(body: bytes, of: Fingerprint) -> StreamState:
    """Read what stands before the digest."""
    if body[:4] != MAGIC or body[4] != FORMAT:
        raise StateError("format", f"a state of form {body[:5]!r}; read is {FORMAT}")
    n_head = int.from_bytes(body[5:9], "big")
    header = json.loads(body[9 : 9 + n_head])
    told = header["of"]
    found = Fingerprint(tuple(told["models"]), told["limits"], told["options"], told["meaning"])
    for name in ("meaning", "models", "limits", "options"):
        if getattr(found, name) != getattr(of, name):
            reason = "format" if name == "meaning" else name
            alarms = tuple(alarm.encode() for alarm in header["alarms"])
            raise StateError(reason, f"a state of other {name} than are in use", alarms)
    seat = None
    if header["info"] is not None:
        arrays = _arrays(body[9 + n_head :], header["arrays"])
        seat = StreamsSnapshot((_info(header["info"]),), found.models, arrays)
    return StreamState(
        header["stream_id"],
        header["offset"],
        header["heard_ms"],
        header["order"].encode(),
        seat,
        tuple(alarm.encode() for alarm in header["alarms"]),
    )


def _info(values: Mapping[str, Any]) -> StreamInfo:
    """Read who a stream is, its leads among it."""

    def read(value: Any) -> Any:
        if isinstance(value, dict):
            return Lead(**value)
        return tuple(map(read, value)) if isinstance(value, list) else value

    return StreamInfo(**{name: read(value) for name, value in values.items()})


def _arrays(body: bytes, layout: list[Any]) -> Snapshot:
    """Cut the arrays apart, each with its row in front."""
    found: Snapshot = {}
    at = 0
    for name, dtype, shape in layout:
        n_values = int(np.prod(shape, dtype=np.int64))
        values = np.frombuffer(body, dtype, n_values, at)
        found[name] = values.reshape(1, *shape)
        at += values.nbytes
    return found


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
