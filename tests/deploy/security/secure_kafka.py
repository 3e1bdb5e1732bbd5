"""A Kafka for tests that lets in only whom it knows, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.kafka.cluster import KafkaCluster
from deploy.kafka.secure import ClusterSecurity
from ingest.kafka_security import KafkaSecurity
from tests.certificates import Authority

ADMIN, WORKER = "admin", "worker"
PASSWORDS = {ADMIN: "the-admins-passw0rd", WORKER: "the-workers-passw0rd"}


@dataclass(frozen=True)
class SecureKafka:
    """A running cluster with its authority."""

    cluster: KafkaCluster
    authority: Authority
    folder: Path

    def security(self, user: str) -> KafkaSecurity:
        """Return how a user that everything is right about speaks with it."""
        client = self.folder / "ca" / "client.pem"
        return KafkaSecurity(
            "SASL_SSL", self.authority.ca, client, user=user, password=PASSWORDS[user]
        )

    def config(self, path: Path, **changed: object) -> Path:
        """Write settings of the worker, with keys changed or (None) left out; return the file."""
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(PASSWORDS[WORKER] + "\n")
        keys: dict[str, object] = {
            "protocol": "SASL_SSL",
            "ca": self.authority.ca,
            "certificate": self.folder / "ca" / "client.pem",
            "user": WORKER,
            "password_file": secret,
            **changed,
        }
        lines = [f"{key} = '{value}'\n" for key, value in keys.items() if value is not None]
        path.write_text("[kafka.security]\n" + "".join(lines))
        return path

    def allow(self, *grants: tuple[str, str, str]) -> None:
        """Let the worker do (operation, kind of resource, name)."""
        from kafka import KafkaAdminClient
        from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

        options = self.security(ADMIN).options()
        admin = KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap, **options)
        acls = [
            ACL(
                f"User:{WORKER}", "*", ACLOperation[operation], ACLPermissionType.ALLOW,
                ResourcePattern(ResourceType[kind], name),
            )
            for operation, kind, name in grants
        ]  # fmt: skip
        try:
            assert not admin.create_acls(acls)["failed"]
        finally:
            admin.close()


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """Start one node with TLS, client certificates, SCRAM and access lists; stop it."""
    authority = Authority(folder / "ca")
    broker, client = authority.issue("broker", ("127.0.0.1",)), authority.issue("client")
    admin = KafkaSecurity(
        "SASL_SSL", authority.ca, client.both, user=ADMIN, password=PASSWORDS[ADMIN]
    )
    security = ClusterSecurity(broker.both, authority.ca, PASSWORDS, admin.options())
    with KafkaCluster(folder / "cluster", security=security) as cluster:
        yield SecureKafka(cluster, authority, folder)
