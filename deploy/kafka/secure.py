"""A Kafka that lets in only who shows a certificate and a password, and only where it may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MECHANISM = "SCRAM-SHA-512"
"""How passwords are proved without being sent."""


@dataclass(frozen=True, slots=True, repr=False)
class ClusterSecurity:
    """TLS with client certificates, SCRAM and access lists, for all nodes alike.

    The controllers' listener, on loopback, stays plain: this is for tests and for trying
    settings out, not for service.
    """

    keystore: Path
    """PEM file of the nodes: private key (PKCS 8), certificate for 127.0.0.1, those above it."""
    ca: Path
    """PEM file of the authorities whose certificates are trusted."""
    passwords: Mapping[str, str]
    """Passwords by user; the first user may do everything, and is the nodes' own."""
    options: Mapping[str, Any]
    """kafka-python's options for the first user, such as ``KafkaSecurity.options`` gives."""

    @property
    def admin(self) -> str:
        """Name of the first user."""
        return next(iter(self.passwords))

    def properties(self, host: str, port: int) -> dict[str, object]:
        """Return what ``server.properties`` says differently, with clients at ``host:port``."""
        admin, password = next(iter(self.passwords.items()))
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        prefix = f"listener.name.sasl_ssl.{MECHANISM.lower()}"
        return {
            "advertised.listeners": f"SASL_SSL://{host}:{port}",
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.enabled.mechanisms": MECHANISM,
            "sasl.mechanism.inter.broker.protocol": MECHANISM,
            f"{prefix}.sasl.jaas.config": f'{login} username="{admin}" password="{password}";',
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.keystore,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.ca,
            "listener.name.sasl_ssl.ssl.client.auth": "required",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # The plain listener of the controllers knows nobody's name.
            "super.users": f"User:{admin};User:ANONYMOUS",
        }

    def format_arguments(self) -> list[str]:
        """Return what the storage tool is told besides: the users."""
        return [
            f"--add-scram={MECHANISM}=[name={user},password={password}]"
            for user, password in self.passwords.items()
        ]
