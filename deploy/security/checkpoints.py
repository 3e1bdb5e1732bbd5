"""Checkpoints of an audit log: signed statements of how far it goes, to be kept elsewhere.

A chain of hashes does not show that its end was cut off, nor that all of it was made
anew. A checkpoint does, as long as whoever holds the log's machine does not hold the
private key and the place where checkpoints are kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deploy import audit_log
from deploy.audit_log import TamperedError
from deploy.security.signing import PublicKeys, sign
from inference.alarm_json import canonical
from ingest.errors import InputError

PURPOSE = "audit-log checkpoint"
"""What its signature is for."""


def seal(path: Path, key_file: Path, mac_key: bytes | None = None) -> dict[str, Any]:
    """Return a checkpoint of a log that is whole, to be written as JSON.

    Raises
    ------
    InputError
        If the log cannot be read or was changed, or a key cannot be used.
    """
    found = audit_log.verify(path, mac_key)
    told = {"log": found.log_id, "n_lines": found.n_lines, "hash": found.last_hash}
    return {**told, "signature": sign(key_file, PURPOSE, canonical(told))}


def verify_sealed(
    path: Path, checkpoint: Any, keys: PublicKeys, mac_key: bytes | None = None
) -> audit_log.Verified:
    """See that a log is whole, and still holds all that it held at a checkpoint.

    Raises
    ------
    InputError
        If the log cannot be read, or the checkpoint is none.
    TamperedError
        If the log was changed, cut off or made anew.
    """
    if not isinstance(checkpoint, dict):
        raise InputError("a checkpoint is an object")
    told = {name: checkpoint.get(name) for name in ("log", "n_lines", "hash")}
    keys.verify(checkpoint.get("signature"), PURPOSE, canonical(told), "the checkpoint")
    found = audit_log.verify(path, mac_key, keep_hashes=True)
    if found.log_id != told["log"]:
        raise TamperedError(f"audit log {path} is not the one of the checkpoint: it was made anew")
    n_lines = int(told["n_lines"] or 0)
    if found.n_lines < n_lines:
        raise TamperedError(
            f"audit log {path} ends at line {found.n_lines}; at the checkpoint it had {n_lines}: "
            "its end was cut off"
        )
    if n_lines and found.hashes[n_lines - 1] != told["hash"]:
        raise TamperedError(f"audit log {path}, line {n_lines}: is not that of the checkpoint")
    return found
