"""Signing in by an OpenID provider: a small real one on a port of its own, with its own keys."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.console.oidc import Provider
from deploy.ports import free_ports
from tests.deploy.console.consoles import Ward, make_ward, serve

CLIENT = "vigil"
KEYS = [RSAKey.generate_key(2048, {"kid": f"k{i}", "use": "sig"}) for i in range(2)]


@dataclass
class SmallProvider:
    """Authorisation-code flow with PKCE; what it grants and how it lies can be set."""

    claims: dict = field(default_factory=lambda: {"roles": ["clinician"]})
    sign_with: object = field(default_factory=lambda: KEYS[0])
    algorithm: str = "RS256"
    codes: dict = field(default_factory=dict)
    url: str = ""

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.discovery),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
            ]
        )

    async def discovery(self, _: Request) -> Response:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
        found = {name: f"{self.url}/{end}" for name, end in ends.items()}
        return JSONResponse({"issuer": self.url, "jwks_uri": f"{self.url}/keys", **found})

    async def authorize(self, request: Request) -> Response:
        code, asked = secrets.token_urlsafe(8), dict(request.query_params)
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}")

    async def token(self, request: Request) -> Response:
        told = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(told.get("code", ""), None)
        digest = hashlib.sha256(told.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or challenge != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "u7", "exp": now + 300, "iat": now}
        claims |= {"nonce": asked["nonce"], "preferred_username": "nurse seven", **self.claims}
        key = self.sign_with
        header = {"alg": self.algorithm, "kid": getattr(key, "kid", None) or "k0"}
        signed = jwt.encode(header, claims, key, algorithms=[self.algorithm])
        return JSONResponse({"id_token": signed, "token_type": "Bearer", "access_token": "x"})

    async def keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [KEYS[0].as_dict(private=False)]})


@pytest.fixture(scope="module")
def issuer() -> Iterator[SmallProvider]:
    made = SmallProvider()
    (port,) = free_ports(1)
    made.url = f"http://127.0.0.1:{port}"
    server = uvicorn.Server(
        uvicorn.Config(made.app(), port=port, log_config=None, lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield made
    server.should_exit = True
    thread.join()


@pytest.fixture
def provider(issuer: SmallProvider) -> SmallProvider:
    fresh = SmallProvider()
    issuer.claims, issuer.sign_with = fresh.claims, fresh.sign_with
    issuer.algorithm, issuer.codes = fresh.algorithm, {}
    return issuer


@pytest.fixture
def ward(tmp_path: Path, provider: SmallProvider) -> Iterator[Ward]:
    made = make_ward(tmp_path)
    server = serve(made.console)
    made.url = server.address  # type: ignore[attr-defined]
    callback = f"{server.address}api/oidc/callback"
    made.console.provider = Provider(provider.url, CLIENT, "", callback, label="test")
    yield made
    server.stop()
    made.console.audit.close()
    made.database.close()


def browser(ward: Ward) -> httpx.Client:
    return httpx.Client(base_url=ward.url, timeout=60.0, follow_redirects=True)  # type: ignore[attr-defined]


def test_who_the_provider_knows_is_signed_in_with_the_roles_it_grants(
    ward: Ward, provider: SmallProvider
) -> None:
    with browser(ward) as client:
        assert client.get("/api/sign-in").json()["oidc"] == "test"
        assert client.get("/api/oidc/start").status_code == 200
        me = client.get("/api/me").json()
        assert (me["name"], me["roles"]) == ("nurse seven", ["clinician"])
    provider.claims = {"roles": ["viewer", "surgeon"]}
    with browser(ward) as client:
        client.get("/api/oidc/start")
        assert client.get("/api/me").json()["roles"] == ["viewer"], "roles follow the provider"


LIES = {
    "no role": {"claims": {"roles": ["surgeon"]}},
    "another issuer": {"claims": {"roles": ["viewer"], "iss": "https://evil.example"}},
    "another client": {"claims": {"roles": ["viewer"], "aud": "other"}},
    "another sign-in's nonce": {"claims": {"roles": ["viewer"], "nonce": "replayed"}},
    "long over": {"claims": {"roles": ["viewer"], "exp": 1_000_000_000}},
    "signed by a stranger": {"sign_with": KEYS[1]},
    "signed by a shared secret": {
        "sign_with": OctKey.import_key(secrets.token_bytes(32)),
        "algorithm": "HS256",
    },
}


@pytest.mark.parametrize("lie", list(LIES))
def test_a_token_that_does_not_fit_signs_nobody_in(
    ward: Ward, provider: SmallProvider, lie: str
) -> None:
    for name, value in LIES[lie].items():
        setattr(provider, name, value)
    with browser(ward) as client:
        client.get("/api/oidc/start")
        assert client.get("/api/me").status_code == 401
    assert all(account.name != "nurse seven" for account in ward.console.accounts.all())


def test_a_code_of_somebody_else_is_refused(ward: Ward, provider: SmallProvider) -> None:
    with httpx.Client(base_url=ward.url, timeout=60.0) as thief:  # type: ignore[attr-defined]
        to_provider = thief.get("/api/oidc/start").headers["location"]
        asked = {k: v[0] for k, v in parse_qs(urlsplit(to_provider).query).items()}
        assert asked["code_challenge_method"] == "S256"
        back = httpx.get(to_provider).headers["location"]
        path = back.removeprefix(ward.url.rstrip("/"))  # type: ignore[attr-defined]
        with httpx.Client(base_url=ward.url, timeout=60.0) as victim:  # type: ignore[attr-defined]
            victim.get(path)
            assert victim.get("/api/me").status_code == 401, "a way that was not begun here"
        thief.get(path.replace(asked["state"], "forged"))
        assert thief.get("/api/me").status_code == 401
        thief.get(path)
        assert thief.get("/api/me").status_code == 401, "a way is gone once"


def test_without_a_provider_there_is_no_way_to_it(ward: Ward) -> None:
    ward.console.provider = None
    with browser(ward) as client:
        assert client.get("/api/oidc/start").status_code == 404
