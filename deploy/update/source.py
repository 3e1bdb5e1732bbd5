"""Where releases come from: a folder, or an address of HTTPS."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from deploy.security.tokens import first_token
from ingest.errors import InputError

TIMEOUT_S = 30.0
"""Longest silence of a server, s."""
CHUNK_BYTES = 1 << 16
"""Bytes read at a time."""


class UnreachableError(Exception):
    """The place of releases does not answer; nothing is wrong with what is in use."""


class ReleaseSource(Protocol):
    """Gives the files of the newest release."""

    def read(self, name: str, most_bytes: int) -> bytes:
        """Return a file of at most so many bytes.

        Raises
        ------
        UnreachableError
            If it cannot be had now.
        InputError
            If it is longer.
        """
        ...


class FolderSource:
    """A folder, such as a mounted stick.

    Parameters
    ----------
    folder : Path
        Where the manifest lies.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str, most_bytes: int) -> bytes:
        """Return a file; errors as :meth:`ReleaseSource.read`."""
        try:
            with (self._folder / name).open("rb") as file:
                return _bounded(file, name, most_bytes)
        except OSError as error:
            raise UnreachableError(f"{self._folder / name}: {error.strerror}") from error


class HttpsSource:
    """An address below which the manifest lies.

    Parameters
    ----------
    url : str
        ``https://HOST/FOLDER``.
    ca : Path, optional
        PEM file of the authorities that the server's certificate must come from; None: the
        system's.
    token_file : Path, optional
        File with a bearer token to show.

    Raises
    ------
    InputError
        If the address is not of HTTPS or a file cannot be used.
    """

    def __init__(self, url: str, ca: Path | None = None, token_file: Path | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.query:
            raise InputError(f"releases come from https://HOST/FOLDER or a folder, not {url!r}")
        self._url = url.rstrip("/")
        try:
            context = ssl.create_default_context(cafile=None if ca is None else str(ca))
        except (OSError, ssl.SSLError) as error:
            raise InputError(f"--ca {ca}: {error}") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._headers = {"User-Agent": "vigil-update"}
        if token_file is not None:
            self._headers["Authorization"] = f"Bearer {first_token(token_file)}"
        handlers = (urllib.request.HTTPSHandler(context=context), _NoRedirect())
        self._opener = urllib.request.build_opener(*handlers)

    def read(self, name: str, most_bytes: int) -> bytes:
        """Return a file; errors as :meth:`ReleaseSource.read`."""
        request = urllib.request.Request(f"{self._url}/{name}", headers=self._headers)  # noqa: S310
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return _bounded(answer, name, most_bytes)
        except (OSError, HTTPException, urllib.error.URLError) as error:
            raise UnreachableError(f"{self._url}/{name}: {error}") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nobody elsewhere: the token is for this address."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Refuse."""


def open_source(
    place: str, ca: Path | None = None, token_file: Path | None = None
) -> ReleaseSource:
    """Open the place that releases come from.

    Raises
    ------
    InputError
        As :class:`HttpsSource`.
    """
    if "://" in place:
        return HttpsSource(place, ca, token_file)
    return FolderSource(Path(place))


def _bounded(file: IO[bytes] | Any, name: str, most_bytes: int) -> bytes:
    parts, left = [], most_bytes
    while part := file.read(min(CHUNK_BYTES, left + 1)):
        left -= len(part)
        if left < 0:
            raise InputError(f"{name} is longer than {most_bytes} bytes")
        parts.append(part)
    return b"".join(parts)
