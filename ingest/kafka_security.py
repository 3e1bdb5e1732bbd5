"""How Kafka is spoken to where not everybody may: TLS, and SASL SCRAM with a password."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import InputError
from ingest.secret_files import read_secret

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
"""Kafka's names: encrypted or not, with a password or not."""
MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
"""How a password is proved; both ends do, and it is never sent."""
HANDSHAKE_S = 5.0
"""Longest time of a TLS handshake, s."""


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """What a client shows and asks for. A password is never part of its ``repr``."""

    protocol: str = "PLAINTEXT"
    """One of :data:`PROTOCOLS`."""
    ca: Path | None = None
    """PEM file of the authorities that brokers' certificates must come from; else the system's."""
    certificate: Path | None = None
    """PEM file of this client's certificate, where brokers want one."""
    key: Path | None = None
    """PEM file of its private key; None: it stands in ``certificate``."""
    mechanism: str = "SCRAM-SHA-512"
    """One of :data:`MECHANISMS`."""
    user: str | None = None
    """User of SASL."""
    password_file: Path | None = None
    """File with the password."""
    password: str | None = None
    """The password itself, where the environment gave it."""

    def __repr__(self) -> str:
        """Return what may be seen."""
        return f"KafkaSecurity({self.protocol}, user={self.user!r})"

    def options(self) -> dict[str, Any]:
        """Return it as settings of kafka-python's clients.

        Raises
        ------
        InputError
            If something is missing, left over, or a file cannot be used; names the key.

        Examples
        --------
        >>> KafkaSecurity().options()
        {}
        >>> KafkaSecurity("SASL_SSL").options()
        Traceback (most recent call last):
        ...
        ingest.errors.InputError: kafka.security: SASL_SSL needs user and a password (password_file,
        or VIGIL_KAFKA__SECURITY__PASSWORD)
        """
        self._check()
        if self.protocol == "PLAINTEXT":
            return {}
        options: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol.endswith("SSL"):
            options["ssl_context"] = self._context()
        if self.protocol.startswith("SASL"):
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self._password(),
            }
        return options

    def _check(self) -> None:
        """Refuse what does not go together: a setting without effect is a mistake."""
        if self.protocol not in PROTOCOLS:
            raise _wrong(f"protocol {self.protocol!r}: allowed are {', '.join(PROTOCOLS)}")
        if self.mechanism not in MECHANISMS:
            raise _wrong(f"mechanism {self.mechanism!r}: allowed are {', '.join(MECHANISMS)}")
        passwords = [self.password, self.password_file]
        if self.protocol.startswith("SASL"):
            if not self.user or not any(passwords):
                raise _wrong(
                    f"{self.protocol} needs user and a password (password_file, or "
                    "VIGIL_KAFKA__SECURITY__PASSWORD)"
                )
            if all(passwords):
                raise _wrong("password and password_file are both given: say one")
        elif self.user or any(passwords):
            raise _wrong(f"user and password have no use with protocol {self.protocol}")
        if not self.protocol.endswith("SSL") and (self.ca or self.certificate):
            raise _wrong(f"ca and certificate have no use with protocol {self.protocol}")
        if self.key and not self.certificate:
            raise _wrong("key needs certificate")

    def _context(self) -> ssl.SSLContext:
        """Return TLS 1.2 or newer, that checks the broker's certificate and its name."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            try:
                context.load_verify_locations(self.ca)
            except (OSError, ssl.SSLError) as error:
                raise _wrong(f"ca {self.ca} cannot be used: {error}") from error
        if self.certificate is not None:
            try:
                context.load_cert_chain(self.certificate, self.key, password=_no_password)
            except (OSError, ssl.SSLError, InputError) as error:
                raise _wrong(f"certificate {self.certificate} cannot be used: {error}") from error
        return context

    def _password(self) -> str:
        if self.password is not None:
            return self.password
        if self.password_file is None:
            raise _wrong("a password is missing")
        try:
            return read_secret(self.password_file, "kafka.security.password_file").decode()
        except UnicodeDecodeError:
            raise _wrong(f"password_file {self.password_file} is not text") from None


def shake_hands(server: tuple[str, int], options: Mapping[str, Any], timeout_s: float) -> None:
    """Connect to a broker, with TLS where that is asked for, and hang up.

    kafka-python only says that it reached nobody; this tells why.

    Raises
    ------
    OSError
        If nobody takes the connection.
    InputError
        If TLS is refused: a certificate of another authority, of another name, or out of date.
    """
    context = options.get("ssl_context")
    with socket.create_connection(server, timeout=timeout_s) as plain:
        if not isinstance(context, ssl.SSLContext):
            return
        plain.settimeout(HANDSHAKE_S)
        try:
            context.wrap_socket(plain, server_hostname=server[0]).close()
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or error.reason or str(error)
            raise InputError(
                f"the broker {server[0]}:{server[1]} is not trusted, or does not speak TLS: {why}"
            ) from error


def _wrong(text: str) -> InputError:
    return InputError(f"kafka.security: {text}")


def _no_password() -> str:
    """Refuse an encrypted key instead of asking at the terminal for its password."""
    raise InputError("the private key is encrypted: store it decrypted, readable by Vigil alone")
