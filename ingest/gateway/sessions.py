"""Gaps that no reader would believe: behind one, a stream goes on in a session of another name.

A sequencer refuses a frame that lies more than a day ahead, since one wrong index
would make all that follows late. Where the store dropped so much, or a device
counted on for so long without a gateway, its session ``a`` goes on as ``a~1``: for
readers the device was restarted, which is what they make of a hole of that size.
So it does where the count falls back by as much: one wrong index costs one name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ingest.checks import MAX_ID_CHARS
from ingest.codec import decode, encode
from ingest.gateway.arrival import Row
from ingest.gateway.marks import MOST_GAP_S, Mark


def fit(rows: Sequence[Row], marks: Sequence[Mark]) -> tuple[list[Row], int]:
    """Rename sessions behind gaps that are too long; note how far each stream has been sent.

    Parameters
    ----------
    rows : sequence of Row
        Frames in the order in which they are to be sent.
    marks : sequence of Mark
        For each its stream's mark; changed.

    Returns
    -------
    rows : list of Row
        The same frames, under the names they go with.
    n_renamed : int
        How many sessions got a new name.
    """
    n_renamed = 0
    fitted = []
    for row, mark in zip(rows, marks, strict=True):
        step = row.first_sample - mark.sent_sample
        if mark.sent_sample >= 0 and abs(step) > MOST_GAP_S * mark.fs:
            mark.epoch += 1
            mark.sent_sample = row.end_sample
            n_renamed += 1
        mark.sent_sample = max(mark.sent_sample, row.end_sample)
        fitted.append(row._replace(payload=payload_of(row.payload, mark)) if mark.epoch else row)
    return fitted, n_renamed


def payload_of(payload: bytes, mark: Mark) -> bytes:
    """Return a frame's message under the name that its session has now."""
    if not mark.epoch:
        return payload
    suffix = f"~{mark.epoch}"
    session = mark.session[: MAX_ID_CHARS - len(suffix)] + suffix
    return encode([replace(decode(payload)[0], session=session)])
