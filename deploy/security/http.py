"""Who may ask over HTTP, and whether others can listen: TLS and tokens of a service's HTTP side."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.security.tokens import Tokens, first_token
from ingest.errors import InputError

PARTIAL_CHAIN = getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)
"""Lets a certificate itself be what is trusted, without the authority above it."""


@dataclass(frozen=True, slots=True)
class HttpSecurity:
    """What an HTTP side asks of its clients; by default nothing, on this machine only."""

    certificate: Path | None = None
    """PEM file of the server's certificate and those above it; None: no TLS."""
    key: Path | None = None
    """PEM file of its private key; None: it stands in ``certificate``."""
    token_file: Path | None = None
    """File of bearer tokens, of which clients must show one; None: nobody need."""

    def tokens(self) -> Tokens | None:
        """Return the tokens, if there are any.

        Raises
        ------
        InputError
            If their file cannot be used.
        """
        return None if self.token_file is None else Tokens(self.token_file)

    def server_context(self) -> ssl.SSLContext | None:
        """Return the server's end of TLS 1.2 or newer, if there is a certificate.

        Raises
        ------
        InputError
            If the certificate or its key cannot be used.
        """
        if self.certificate is None:
            if self.key is not None:
                raise InputError("http.key needs http.certificate")
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (OSError, ssl.SSLError, InputError) as error:
            raise InputError(f"http.certificate {self.certificate}: {error}") from error
        return context

    def own_client(self) -> tuple[str, dict[str, str], ssl.SSLContext | None]:
        """Return scheme, headers and TLS with which a process asks another of the same settings.

        The very certificate is trusted, whatever host it names: both run on one machine.

        Raises
        ------
        InputError
            If a file cannot be used.
        """
        headers = {}
        if self.token_file is not None:
            headers["Authorization"] = f"Bearer {first_token(self.token_file)}"
        if self.certificate is None:
            return "http", headers, None
        context: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_flags |= PARTIAL_CHAIN
        context.load_verify_locations(self.certificate)
        return "https", headers, context


def _no_password() -> str:
    """Refuse an encrypted key instead of asking at the terminal for its password."""
    raise InputError("the private key is encrypted: store it decrypted, readable by Vigil alone")
