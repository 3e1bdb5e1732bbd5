"""The folder of models in use: ``FOLDER/NAME/champion/NAME.onnx``, changed in one step.

Each version lies in a folder of its own, named by its digest, and is never changed.
``champion`` (and ``shadow``) is a symbolic link to one of them, replaced by renaming: whoever
opens the model finds the old one or the new one with its own signature, never a mixture.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from deploy.security.models import SUFFIX
from ingest.durable import sync_folder
from ingest.errors import InputError

N_HEX = 16
"""Digits of a digest that name a version's folder."""


class Shelf:
    """The models in use.

    Parameters
    ----------
    folder : Path
        Where; made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, link: str, file: Path, more: Path | None = None) -> Path:
        """Put a model in use; return the path that it is found at from now on.

        Parameters
        ----------
        name : str
            Name of the model.
        link : str
            ``champion`` or ``shadow``.
        file : Path
            ONNX file, its signature beside it if it has one.
        more : Path, optional
            Folder whose record, signature and pages go with it.

        Raises
        ------
        InputError
            If it cannot be copied.
        """
        try:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            own = self.folder / name / digest[:N_HEX]
            if not own.is_dir():
                self._copy(own, name, file, more)
            temporary = self.folder / name / f".{link}.new"
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(own.name)
            temporary.replace(self.folder / name / link)
            sync_folder(self.folder / name)
        except OSError as error:
            raise InputError(f"{self.folder}: cannot install {name}: {error.strerror}") from error
        return self.folder / name / link / f"{name}.onnx"

    def installed(self, name: str, link: str) -> str | None:
        """Return the SHA-256 of the model in use, None where there is none."""
        path = self.folder / name / link / f"{name}.onnx"
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None

    def _copy(self, own: Path, name: str, file: Path, more: Path | None) -> None:
        """Copy a version beside its place, then move it there whole."""
        beside = own.with_name(f".{own.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        shutil.copyfile(file, beside / f"{name}.onnx")
        signature = file.with_name(file.name + SUFFIX)
        if signature.is_file():
            shutil.copyfile(signature, beside / f"{name}.onnx{SUFFIX}")
        for each in () if more is None else sorted(more.glob("record.*")):
            shutil.copyfile(each, beside / each.name)
        for each in beside.iterdir():
            with each.open("rb") as opened:
                os.fsync(opened.fileno())
        beside.replace(own)
