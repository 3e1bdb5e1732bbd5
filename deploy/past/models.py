"""Models of the past, found by their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from inference import model
from ingest.errors import InputError


def models_by_digest(wanted: Sequence[tuple[str, str, str]], folders: Iterable[Path]) -> list[str]:
    """Return the files of models, by what they hold, not by what they are called.

    Parameters
    ----------
    wanted : sequence of (str, str, str)
        Name, version and SHA-256 of each.
    folders : iterable of Path
        Where to look, folders within folders too; what ships with Vigil is looked at last.

    Raises
    ------
    InputError
        If one is nowhere; names all that are missing and where was looked.
    """
    looked = [*folders, model.builtin("qrs").parent]
    missing = {digest: (name, version) for name, version, digest in wanted}
    found: dict[str, str] = {}
    for folder in looked:
        for path in sorted(folder.rglob("*.onnx")) if missing else ():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest in missing:
                del missing[digest]
                found[digest] = str(path)
    if missing:
        told = ", ".join(f"{name} {ver} ({d[:12]}…)" for d, (name, ver) in missing.items())
        places = ", ".join(map(str, looked))
        raise InputError(f"models of that time are not there: {told}; looked in {places}")
    return [found[digest] for _, _, digest in wanted]
