"""Where an archive lies: a folder, or any storage that fsspec reaches; files come whole or not.

On a file system a file is written beside its place, synced and moved there, so that it
outlives a loss of power once :meth:`Place.put` has returned. Object storage knows no
half-written objects.
"""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.durable import sync_folder
from ingest.errors import InputError

ARROW_SCHEMES = ("s3", "gs", "gcs")
"""Storage that is spoken to by pyarrow's own clients, wrapped for fsspec."""
PARTIAL = ".part"
"""How names of files end that are being written; nobody lists them."""


class Place:
    """The folder of one archive.

    Parameters
    ----------
    url : str
        A path, or an address that fsspec knows, such as ``s3://bucket/archive``,
        ``memory://archive``. For S3, region, endpoint and keys come from the environment, as
        for all of Amazon's tools, or from the address:
        ``s3://KEY:SECRET@bucket/archive?endpoint_override=HOST:PORT&scheme=http``.

    Raises
    ------
    InputError
        If there is no such kind of storage.

    Examples
    --------
    >>> place = Place("memory://doctest-place")
    >>> place.put_new("a/1", b"one"), place.put_new("a/1", b"two"), place.get("a/1")
    (True, False, b'one')
    >>> place.names("a")
    ['1']
    """

    def __init__(self, url: str) -> None:
        scheme, colon, _ = url.partition("://")
        self.is_local = not colon or scheme == "file"
        try:
            self.fs, self.root = _open(url, scheme if colon else "file")
        except (ImportError, OSError, ValueError) as error:
            raise InputError(f"{_public(url)!r} cannot be an archive: {error}") from error
        self.url = _public(url)

    def path(self, name: str) -> str:
        """Return the whole path of a file, as :attr:`fs` takes it."""
        return f"{self.root}/{name}"

    def put(self, name: str, content: bytes | memoryview) -> None:
        """Write a file whole, or not at all; durable when this returns.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        if self.is_local:
            partial = self._partial(name, content)
            partial.replace(self.path(name))
            sync_folder(partial.parent)
        else:
            self.fs.pipe_file(self.path(name), bytes(content))

    def put_new(self, name: str, content: bytes) -> bool:
        """Write a file unless there is one: of two that try only one can.

        On a file system that is certain. On storage without a conditional write it is
        looked first, and whoever comes in the same instant wins.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        if self.is_local:
            partial = self._partial(name, content)
            try:
                os.link(partial, self.path(name))
            except FileExistsError:
                return False
            finally:
                partial.unlink()
            sync_folder(partial.parent)
            return True
        if self.exists(name):
            return False
        self.fs.pipe_file(self.path(name), content)
        return True

    def get(self, name: str) -> bytes:
        """Return a file's content.

        Raises
        ------
        FileNotFoundError
            If there is none.
        OSError
            If it cannot be read.
        """
        content: bytes = self.fs.cat_file(self.path(name))
        return content

    def open(self, name: str) -> Any:
        """Open a file for reading at any place."""
        return self.fs.open(self.path(name), "rb")

    def exists(self, name: str) -> bool:
        """Return whether there is such a file."""
        self.fs.invalidate_cache()
        return bool(self.fs.isfile(self.path(name)))

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; none where there is no such folder."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.ls(self.path(folder), detail=False)
        except FileNotFoundError:
            return []
        names = (str(path).rstrip("/").rpartition("/")[2] for path in found)
        return sorted(name for name in names if not name.endswith(PARTIAL))

    def files(self, folder: str) -> dict[str, tuple[int, float]]:
        """Return by name all files below a folder: bytes, and when they were written, s since 1970.

        Those that are being written, or were when their writer died, are among them.
        """
        self.fs.invalidate_cache()
        try:
            found = self.fs.find(self.path(folder), detail=True)
        except FileNotFoundError:
            return {}
        start = len(self.root) + 1
        return {
            path[start:]: (int(about["size"] or 0), _written_s(about))
            for path, about in found.items()
        }

    def remove(self, name: str) -> None:
        """Remove a file; nothing is done where there is none."""
        try:
            self.fs.rm_file(self.path(name))
        except FileNotFoundError:
            return

    def _partial(self, name: str, content: bytes | memoryview) -> Path:
        """Write a file beside its place, synced; its folder is made where it is not there."""
        path = Path(self.path(name))
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            sync_folder(path.parent.parent)
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return partial


def _open(url: str, scheme: str) -> tuple[Any, str]:
    """Return the file system and the root's path on it."""
    if scheme in ARROW_SCHEMES:
        from fsspec.implementations.arrow import (  # type: ignore[import-untyped]
            ArrowFSWrapper,
        )
        from pyarrow.fs import FileSystem

        inner, root = FileSystem.from_uri(url)
        return ArrowFSWrapper(inner), root.rstrip("/")
    from fsspec.core import url_to_fs  # type: ignore[import-untyped]

    fs, root = url_to_fs(url if scheme != "file" else str(Path(url.removeprefix("file://"))))
    return fs, str(root).rstrip("/")


def _public(url: str) -> str:
    """Return an address without user and password."""
    scheme, _colon, rest = url.partition("://")
    before, at, behind = rest.partition("@")
    return f"{scheme}://{behind}" if at and "/" not in before else url


def _written_s(about: dict[str, Any]) -> float:
    """Return when a file was written, s since 1970; storages name it differently."""
    at = about.get("mtime") or about.get("created") or about.get("LastModified") or 0.0
    if isinstance(at, datetime):
        at = at.replace(tzinfo=at.tzinfo or UTC).timestamp()
    return float(at)
