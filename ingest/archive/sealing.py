"""Content under a stream's key: samples and messages are sealed row by row, and opened again.

A sealed value is the key's generation (4 bytes), a nonce (12 bytes), and AES-256-GCM over
the content's length (4 bytes) and the content, compressed; it is bound to stream and place,
so that it opens nowhere else.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from ingest.archive.keys import NONCE_BYTES, StreamKeys
from ingest.errors import InputError

HEAD_BYTES = 4
BOUND = ("stream_id", "topic", "partition", "offset", "nth")
"""Columns that a sealed value is bound to."""
HIDDEN = ("samples", "json", "body", "sample", "kind", "state", "id")
"""Columns that are empty where content is sealed."""


def seal(rows: Any, keys: StreamKeys) -> Any:
    """Return rows with their content sealed under their streams' keys.

    Raises
    ------
    OSError
        If a key cannot be made.
    """
    generations = keys.current(set(rows["stream_id"].to_pylist()))
    codec, ciphers = pa.Codec("zstd", compression_level=1), {}
    sealed: list[bytes] = []
    nonces = os.urandom(NONCE_BYTES * rows.num_rows)
    for i, (place, content) in enumerate(zip(_places(rows), _contents(rows), strict=True)):
        stream_id = place[0]
        if stream_id not in ciphers:
            key = keys.key(stream_id, generations[stream_id])
            if key is None:
                raise OSError("a key was destroyed while it was used: try again")
            ciphers[stream_id] = AESGCM(key)
        nonce = nonces[NONCE_BYTES * i : NONCE_BYTES * (i + 1)]
        plain = len(content).to_bytes(HEAD_BYTES, "little") + codec.compress(content, asbytes=True)
        head = generations[stream_id].to_bytes(HEAD_BYTES, "little")
        sealed.append(head + nonce + ciphers[stream_id].encrypt(nonce, plain, _bound(place)))
    return _replaced(rows, {"sealed": pa.array(sealed, pa.binary())}, hide=True)


def unseal(rows: Any, keys: StreamKeys | None) -> tuple[Any, list[bytes]]:
    """Open sealed rows.

    Parameters
    ----------
    rows : pyarrow.Table
        Rows, all of them sealed.
    keys : StreamKeys or None
        Keys; None can open nothing.

    Returns
    -------
    pyarrow.Table
        The rows that can be opened, still without content: those of destroyed keys are erased.
    list of bytes
        Their content.

    Raises
    ------
    InputError
        If there are no keys, not the archive's, or the content was changed.
    """
    if rows.num_rows and keys is None:
        raise InputError("the archive is sealed: it takes its keys and master secret to read it")
    codec, ciphers = pa.Codec("zstd"), {}
    kept: list[int] = []
    contents: list[bytes] = []
    sealed = rows["sealed"].to_pylist()
    for i, (place, value) in enumerate(zip(_places(rows), sealed, strict=True)):
        which = (place[0], int.from_bytes(value[:HEAD_BYTES], "little"))
        if which not in ciphers:
            key = keys.key(*which) if keys is not None else None
            ciphers[which] = None if key is None else AESGCM(key)
        cipher = ciphers[which]
        if cipher is None:
            continue
        nonce, rest = (
            value[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES],
            value[HEAD_BYTES + NONCE_BYTES :],
        )
        try:
            plain = cipher.decrypt(nonce, rest, _bound(place))
        except InvalidTag:
            raise InputError(
                f"a sealed row of the archive was changed: {place[1]} {place[2]}/{place[3]}"
            ) from None
        length = int.from_bytes(plain[:HEAD_BYTES], "little")
        contents.append(codec.decompress(plain[HEAD_BYTES:], length, asbytes=True))
        kept.append(i)
    return rows.take(pa.array(kept, pa.int64())), contents


def with_samples(rows: Any, contents: list[bytes]) -> Any:
    """Return rows of frames with the samples that :func:`unseal` gave."""
    bounds = np.cumsum([0, *(len(content) // 2 for content in contents)])
    column = pa.ListArray.from_arrays(
        pa.array(bounds.astype(np.int32)),
        pa.array(unpacked(contents, bounds)),
        type=rows.schema.field("samples").type,
    )
    return _replaced(rows, {"samples": column, "sealed": pa.nulls(len(contents), pa.binary())})


def packed(samples: NDArray[np.int16], bounds: NDArray[np.int64]) -> list[bytes]:
    """Return rows of samples as differences, low bytes before high ones, which compress better.

    Parameters
    ----------
    samples : array of shape (n_samples,), adu
        Samples of all rows.
    bounds : array of shape (n_rows + 1,)
        Row ``i`` is ``samples[bounds[i]:bounds[i + 1]]``.

    Examples
    --------
    >>> samples, bounds = np.array([-32768, 32767, 5, 5], np.int16), np.array([0, 3, 3, 4])
    >>> unpacked(packed(samples, bounds), bounds).tolist()
    [-32768, 32767, 5, 5]
    """
    differences = np.diff(samples, prepend=np.int16(0)).astype("<i2")  # wraps, and back again
    begins = bounds[:-1][np.diff(bounds) > 0]
    differences[begins] = samples[begins]
    low, high = (np.ascontiguousarray(each) for each in differences.view(np.uint8).reshape(-1, 2).T)
    return [
        low[first:end].tobytes() + high[first:end].tobytes()
        for first, end in itertools.pairwise(bounds.tolist())
    ]


def unpacked(contents: list[bytes], bounds: NDArray[np.int64]) -> NDArray[np.int16]:
    """Return the samples of all rows, shape (n_samples,), adu, that :func:`packed` was given."""
    planes = np.empty((int(bounds[-1]), 2), np.uint8)
    lows = b"".join(content[: len(content) // 2] for content in contents)
    highs = b"".join(content[len(content) // 2 :] for content in contents)
    planes[:, 0] = np.frombuffer(lows, np.uint8)
    planes[:, 1] = np.frombuffer(highs, np.uint8)
    sums = np.append(0, np.cumsum(planes.view("<i2").ravel(), dtype=np.int64))
    before = np.repeat(sums[bounds[:-1]], np.diff(bounds))
    samples: NDArray[np.int16] = (sums[1:] - before).astype(np.int16)
    return samples


def _contents(rows: Any) -> list[bytes]:
    """Return what is to be sealed of each row."""
    if "samples" not in rows.schema.names:
        texts, bodies = rows["json"].to_pylist(), rows["body"].to_pylist()
        return [
            b"j" + text.encode() if text is not None else b"b" + body
            for text, body in zip(texts, bodies, strict=True)
        ]
    samples = rows["samples"].combine_chunks()
    samples = samples.chunk(0) if isinstance(samples, pa.ChunkedArray) else samples
    offsets = np.asarray(samples.offsets, np.int64)
    return packed(samples.flatten().to_numpy(), offsets - offsets[0])


def _places(rows: Any) -> list[tuple[Any, ...]]:
    return list(zip(*(rows[name].to_pylist() for name in BOUND), strict=True))


def _bound(place: tuple[Any, ...]) -> bytes:
    return "\0".join(map(str, place)).encode()


def _replaced(rows: Any, columns: dict[str, Any], hide: bool = False) -> Any:
    """Return rows with some columns replaced, and content left out if so asked."""
    for i, field in enumerate(rows.schema):
        if field.name in columns:
            rows = rows.set_column(i, field, columns[field.name])
        elif hide and field.name in HIDDEN:
            rows = rows.set_column(i, field, pa.nulls(rows.num_rows, field.type))
    return rows


def is_sealed(rows: Any) -> Any:
    """Return for each row whether it is sealed."""
    return pc.is_valid(rows["sealed"])
