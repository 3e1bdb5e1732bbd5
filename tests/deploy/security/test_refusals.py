"""Whoever is refused is refused with its reason, and the audit log says so."""

from __future__ import annotations

import os
import ssl
import urllib.error
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from deploy.audit_log import AuditLog, read, verify
from deploy.cli.main import run
from deploy.http import HttpServer
from deploy.security.certificates import Certificates
from deploy.security.http import HttpSecurity
from deploy.services.refusals import EVERY_S, Refusals
from deploy.services.waiting import AwayError, why_not_made
from inference import model
from ingest.errors import InputError
from ingest.kafka_url import BrokerError, NotLetInError
from tests.certificates import Authority
from tests.deploy.security.test_http_security import GOOD, OLD, get

NOWHERE = ["--from", "kafka://127.0.0.1:1/a", "--to", "kafka://127.0.0.1:1/b", "--http-port", "0"]


def told(path: Path) -> list[tuple[str, str]]:
    verify(path)
    return [(each.what, str(each.details.get("why", ""))) for each in read(path)]


def settings(tmp_path: Path, text: str = "") -> list[str]:
    config = tmp_path / "vigil.toml"
    config.write_text(f'[audit]\nlog = "{tmp_path / "audit.jsonl"}"\n{text}')
    return ["monitor", *NOWHERE, "--config", str(config)]


def test_expired_tokens_and_foreign_certificates_stand_in_the_audit_log(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    pair, tokens = authority.issue("server", ("127.0.0.1",)), tmp_path / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text(f"{GOOD}\n{OLD} 2020-01-01T00:00:00Z\n")
    security = HttpSecurity(pair.certificate, pair.key, tokens)
    right = ssl.create_default_context(cafile=authority.ca)
    with (
        AuditLog(tmp_path / "audit.jsonl", sync=False) as audit,
        HttpServer(CollectorRegistry(), security=security) as server,
    ):
        server.tell_refused(Refusals(audit).client)
        url = f"https://127.0.0.1:{server.port}/metrics"
        assert get(url, OLD, right)[0] == 401
        assert get(url, None, right)[0] == 401
        with pytest.raises(urllib.error.URLError, match=r"self-signed|local issuer"):
            get(url, GOOD, ssl.create_default_context(cafile=Authority(tmp_path / "b").ca))
        assert get(url, GOOD, right)[0] == 200
    found = [why for what, why in told(tmp_path / "audit.jsonl") if what == "client.refused"]
    assert found[:2] == ["expired token", "no token"]
    assert found[2].startswith("TLS: ")


def test_a_flood_of_refusals_is_few_lines_that_tell_how_many(tmp_path: Path) -> None:
    now_s = [0.0]
    with AuditLog(tmp_path / "audit.jsonl", sync=False) as audit:
        refusals = Refusals(audit, lambda: now_s[0])
        for _ in range(1000):
            refusals.client("unknown token")
        now_s[0] += EVERY_S
        refusals.client("unknown token")
        for i in range(10_000):
            refusals.client(f"made up {i}")
    times = [each.details.get("times") for each in read(tmp_path / "audit.jsonl")]
    assert times[1:3] == [1, 1000]
    assert len(times) < 110


def test_a_model_that_is_not_believed_stands_in_the_audit_log(tmp_path: Path) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes(model.builtin("qrs").read_bytes() + b"\xb2\x1f\x01x")  # an unknown field
    assert run([*settings(tmp_path), "--model", str(own)]) == 2
    ((what, why),) = told(tmp_path / "audit.jsonl")[1:]
    assert what == "start.refused"
    assert "neither ships with Vigil nor is signed" in why


def test_a_changed_audit_log_is_refused_and_that_stands_beside_it(tmp_path: Path, capsys) -> None:
    path = tmp_path / "audit.jsonl"
    with AuditLog(path, sync=False) as log:
        log.append("nurse 7", "command.standby", {"stream_id": "p1"})
    path.write_bytes(path.read_bytes().replace(b"nurse 7", b"nurse 8"))
    changed = path.read_bytes()
    assert run([*settings(tmp_path), "--model", "none.onnx"]) == 2
    assert path.read_bytes() == changed  # nothing is added to it
    ((what, why),) = told(tmp_path / "audit.refused.jsonl")[1:]
    assert what == "audit-log.refused"
    assert "none.onnx" in why
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BrokerError("no Kafka answers at b:1"), AwayError),
        (NotLetInError("no Kafka answers at b:1: alert bad certificate"), InputError),
    ],
)
def test_who_is_not_let_in_does_not_wait(error: BrokerError, kind: type[InputError]) -> None:
    assert type(why_not_made(error)) is kind


def test_a_renewed_certificate_is_served_without_a_restart(tmp_path: Path) -> None:
    old, new = Authority(tmp_path / "old"), Authority(tmp_path / "new")
    first, second = old.issue("server", ("127.0.0.1",)), new.issue("server", ("127.0.0.1",))
    at = tmp_path / "live.pem"
    at.write_bytes(first.both.read_bytes())
    security, now_s = HttpSecurity(at), [0.0]
    with HttpServer(CollectorRegistry(), security=security) as server:
        server._server._certificates = held = _follow(server, security, now_s)
        url = f"https://127.0.0.1:{server.port}/healthz"
        by_old = ssl.create_default_context(cafile=old.ca)
        by_new = ssl.create_default_context(cafile=new.ca)
        assert get(url, None, by_old)[0] == 200
        at.write_bytes(second.both.read_bytes())
        os.utime(at, ns=(1, 1))
        assert not held.look()  # not yet time
        now_s[0] += 11
        assert held.look()
        assert get(url, None, by_new)[0] == 200
        with pytest.raises(urllib.error.URLError):
            get(url, None, by_old)
        at.write_bytes(b"half a file")
        os.utime(at, ns=(2, 2))
        now_s[0] += 11
        assert not held.look()
        assert get(url, None, by_new)[0] == 200  # the one in use stays


def _follow(server: HttpServer, security: HttpSecurity, now_s: list[float]) -> Certificates:
    """Certificates whose clock is set by hand, with the context that the server listens with."""
    held = Certificates(security, clock=lambda: now_s[0])
    held.context = server._server._certificates.context
    return held
