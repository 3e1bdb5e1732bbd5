"""What a release of models is: a manifest that names each file's digest, and its signature.

The signature covers the manifest, the manifest every file, so that files of two releases are
never mixed. The number only grows: an older release that was once good is refused later. A
release also ends by the clock, so that whoever holds updates back is noticed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.security.models import SUFFIX, sign_model
from deploy.security.signing import MOST_SIGNATURE_BYTES, PublicKeys, sign
from inference import model
from inference.alarm_json import canonical
from ingest.errors import InputError
from ingest.json_text import read_json

SCHEMA = "vigil.release/1"
"""Name and version of the form."""
PURPOSE = "release"
"""What signatures of manifests are for."""
MANIFEST = "release.json"
"""Name of a manifest's file; its signature's has ``.sig`` behind."""
MOST_MANIFEST_BYTES = 1 << 16
"""Longest manifest."""
MOST_FILES = 32
"""Most files of a release."""
MOST_NOTE_CHARS = 500
"""Longest note."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.onnx(\.sig)?")


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a release."""

    name: str
    """Name without a folder: ``beat.onnx`` or its signature ``beat.onnx.sig``."""
    sha256: str
    """Its SHA-256, hex."""
    size: int
    """Its length, bytes."""


@dataclass(frozen=True, slots=True)
class Release:
    """A manifest that was read and whose signature fits."""

    number: int
    """Number of the release, from 1; the next one's is higher."""
    made: datetime
    """When it was signed, UTC."""
    expires: datetime
    """When it must no longer be taken, UTC."""
    note: str
    """What changed, for people."""
    files: tuple[Listed, ...]
    """All files."""
    key: str
    """Id of the key that signed it."""

    @property
    def models(self) -> list[str]:
        """Names of the model files."""
        return [each.name for each in self.files if each.name.endswith(".onnx")]


def publish(
    folder: Path, models: Sequence[Path], key: Path, number: int, *, days: float, note: str = ""
) -> Path:
    """Make a release of model files: signed each, listed, and the list signed.

    Parameters
    ----------
    folder : Path
        Where to; made where it is not there.
    models : sequence of Path
        ONNX files whose names differ.
    key : Path
        Ed25519 private key, PEM.
    number : int
        Number of the release.
    days : float
        How long it may be taken, days.
    note : str
        What changed.

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    InputError
        If a model does not fit, a name is used twice or not allowed, the key cannot be used, or a
        file cannot be written.
    """
    if not 1 <= number < 1 << 53 or not 0 < days <= 3650 or len(note) > MOST_NOTE_CHARS:
        raise InputError("a release has a number from 1 on, ends within 3650 days, and its note "
                         f"has at most {MOST_NOTE_CHARS} characters")  # fmt: skip
    if not models:
        raise InputError("a release holds at least one model")
    names = [path.name for path in models]
    if len(set(names)) < len(names):
        raise InputError("two models of a release have the same name")
    listed = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in models:
            model.load(path)
            copy = folder / path.name
            copy.write_bytes(path.read_bytes())
            listed += [_list(copy), _list(sign_model(copy, key))]
        now = datetime.now(UTC).replace(microsecond=0)
        told = {
            "schema": SCHEMA,
            "number": number,
            "made": now.isoformat(),
            "expires": (now + timedelta(days=days)).isoformat(),
            "note": note,
            "files": [asdict(each) for each in listed],
        }
        content = canonical(told) + b"\n"
        (folder / (MANIFEST + SUFFIX)).write_text(json.dumps(sign(key, PURPOSE, content)) + "\n")
        (folder / MANIFEST).write_bytes(content)
    except OSError as error:
        raise InputError(f"release in {folder} cannot be written: {error.strerror}") from error
    return folder / MANIFEST


def read_release(content: bytes, signature: bytes, keys: PublicKeys) -> Release:
    """Read a manifest whose signature fits; nothing of it is looked at before that.

    Raises
    ------
    InputError
        If it is not signed by a trusted key, was changed, or is malformed.
    """
    told = read_json(signature, "the release's signature", MOST_SIGNATURE_BYTES)
    key = keys.verify(told, PURPOSE, content, "the release")
    found = read_json(content, "the release", MOST_MANIFEST_BYTES)
    try:
        if found["schema"] != SCHEMA:
            raise InputError(f"the release is of form {found['schema']!r}, not {SCHEMA}")
        made, expires = (_time(found[name]) for name in ("made", "expires"))
        files = tuple(_read_file(each) for each in found["files"])
        release = Release(_whole(found["number"]), made, expires, str(found["note"]), files, key)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the release is malformed: {error}") from error
    names = [each.name for each in files]
    if not release.models or len(set(names)) < len(names) or len(names) > MOST_FILES:
        raise InputError(f"the release must list 1 to {MOST_FILES} files of different names")
    return release


def _list(path: Path) -> Listed:
    if not _NAME.fullmatch(path.name):
        raise InputError(f"{path.name} cannot be the name of a model in a release")
    content = path.read_bytes()
    return Listed(path.name, hashlib.sha256(content).hexdigest(), len(content))


def _read_file(told: Any) -> Listed:
    each = Listed(str(told["name"]), str(told["sha256"]), _whole(told["size"]))
    if not _NAME.fullmatch(each.name):
        raise InputError(f"the release names a file {each.name[:120]!r}, which is not allowed")
    if not re.fullmatch(r"[0-9a-f]{64}", each.sha256) or each.size > model.MOST_MODEL_BYTES:
        raise InputError(f"the release's {each.name} has no digest, or is too long")
    return each


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError("the release: numbers and sizes are whole and above 0")
    return value


def _time(text: Any) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise InputError("the release: a time without its zone")
    return found
