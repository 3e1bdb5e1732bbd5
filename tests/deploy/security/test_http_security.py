"""Over real TLS and with real tokens: who does not belong gets nothing, and the log says so."""

from __future__ import annotations

import os
import ssl
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter

from deploy.http import MOST_CLIENTS, HttpServer
from deploy.security.http import HttpSecurity
from deploy.security.tokens import TokenRefusedError, Tokens
from ingest.errors import InputError
from tests.certificates import Authority

GOOD, OLD, OTHER = (
    "a-token-of-enough-length",
    "another-token-that-expired",
    "no-token-that-is-known",
)


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("vigil_frames", "Frames read.", registry=registry).inc(3)
    return registry


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.touch(mode=0o600)
    path.write_text(f"# for the scraper\n{GOOD}\n{OLD} 2020-01-01T00:00:00Z\n")
    return path


def get(
    url: str, token: str | None = None, context: ssl.SSLContext | None = None
) -> tuple[int, str]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=10, context=context
        ) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize(
    ("token", "why"), [(None, "no token"), (OTHER, "unknown token"), (OLD, "expired token")]
)
def test_without_a_good_token_metrics_are_refused_and_the_log_says_so(
    registry: CollectorRegistry,
    token_file: Path,
    token: str | None,
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with HttpServer(registry, security=HttpSecurity(token_file=token_file)) as server:
        status, body = get(f"http://127.0.0.1:{server.port}/metrics", token)
    assert (status, body) == (401, why + "\n")
    assert f"a client was refused: {why}" in caplog.text
    assert not token or token not in caplog.text


def test_with_a_good_token_metrics_are_given(registry: CollectorRegistry, token_file: Path) -> None:
    with HttpServer(registry, security=HttpSecurity(token_file=token_file)) as server:
        assert "vigil_frames_total 3.0" in get(f"http://127.0.0.1:{server.port}/metrics", GOOD)[1]


def test_probes_need_no_token_but_are_told_no_reasons(
    registry: CollectorRegistry, token_file: Path
) -> None:
    security = HttpSecurity(token_file=token_file)
    with HttpServer(registry, ready=lambda: ["partition 7 is late"], security=security) as server:
        url = f"http://127.0.0.1:{server.port}/readyz"
        assert get(url) == (503, "no\n")
        assert get(url, GOOD) == (503, "partition 7 is late\n")
        assert get(f"http://127.0.0.1:{server.port}/healthz") == (200, "ok\n")


def test_tokens_change_without_a_restart(
    token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = Tokens(token_file)
    tokens.check(f"Bearer {GOOD}")
    token_file.write_text(OTHER + "\n")
    os.utime(token_file, ns=(1, 1))
    tokens.check(f"bearer {OTHER}")
    with pytest.raises(TokenRefusedError, match="unknown"):
        tokens.check(f"Bearer {GOOD}")
    token_file.write_text("short\n")
    os.utime(token_file, ns=(2, 2))
    tokens.check(f"Bearer {OTHER}")  # a file that cannot be used lets nobody out
    assert "the old ones count" in caplog.text


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer ", "bearer \udcff", "x" * 9000])
def test_headers_that_are_none_are_refused(token_file: Path, header: str) -> None:
    with pytest.raises(TokenRefusedError):
        Tokens(token_file).check(header)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("short\n", "16 characters"),
        (f"{GOOD} soon\n", "must be ISO 8601"),
        (f"{GOOD} 2030-01-01 x\n", "must be a token"),
        ("# none\n", "1 to 100 are allowed"),
    ],
)
def test_files_of_tokens_that_are_none_are_refused_untold(
    token_file: Path, text: str, told: str
) -> None:
    token_file.write_text(text)
    with pytest.raises(InputError, match=told) as refused:
        Tokens(token_file)
    assert GOOD not in str(refused.value)


def test_over_tls_only_the_right_name_and_authority_is_taken(
    registry: CollectorRegistry, tmp_path: Path, token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority, other = Authority(tmp_path / "ca"), Authority(tmp_path / "other", "other")
    pair = authority.issue("server", ("127.0.0.1",))
    security = HttpSecurity(pair.certificate, pair.key, token_file)
    with HttpServer(registry, security=security) as server:
        url = f"https://127.0.0.1:{server.port}/metrics"
        right = ssl.create_default_context(cafile=authority.ca)
        assert get(url, GOOD, right)[0] == 200
        with pytest.raises(urllib.error.URLError, match="unable to get local issuer"):
            get(url, GOOD, ssl.create_default_context(cafile=other.ca))
        with pytest.raises(urllib.error.URLError, match="localhost"):
            get(url.replace("127.0.0.1", "localhost"), GOOD, right)
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            get(url.replace("https", "http"), GOOD)
        scheme, headers, context = security.own_client()
        asked = urllib.request.Request(
            f"{scheme}://localhost:{server.port}/metrics", headers=headers
        )
        with urllib.request.urlopen(asked, timeout=10, context=context) as answer:
            assert answer.status == 200
    assert "a client was refused: TLS" in caplog.text


def test_certificates_that_are_none_are_refused(tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("server", ("127.0.0.1",))
    other = Authority(tmp_path / "b").issue("server", ("127.0.0.1",))
    for security in (
        HttpSecurity(tmp_path / "none"),
        HttpSecurity(pair.key),
        HttpSecurity(pair.certificate, other.key),
        HttpSecurity(key=pair.key),
    ):
        with pytest.raises(InputError, match=r"http\."):
            HttpServer(CollectorRegistry(), security=security)


def test_only_so_many_clients_are_answered_at_once(registry: CollectorRegistry) -> None:
    held, go_on = threading.Semaphore(0), threading.Event()

    def slow() -> list[str]:
        held.release()
        go_on.wait(60)
        return []

    with HttpServer(registry, ready=slow) as server:
        url = f"http://127.0.0.1:{server.port}"
        askers = [
            threading.Thread(target=get, args=(f"{url}/readyz",)) for _ in range(MOST_CLIENTS)
        ]
        for asker in askers:
            asker.start()
        for _ in askers:
            assert held.acquire(timeout=60)
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            get(f"{url}/healthz")
        go_on.set()
        for asker in askers:
            asker.join(60)
        assert get(f"{url}/healthz") == (200, "ok\n")
