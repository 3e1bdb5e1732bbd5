"""Signing in by an OpenID provider: authorisation code with PKCE, and an ID token that is checked.

The provider tells its addresses in its discovery document. Between leaving and coming back, state,
nonce and the code's verifier stand in this process under a random name that a short-lived cookie
holds. Roles come from a claim of the ID token, by name.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from deploy.console.api.problem import ProblemError
from deploy.console.api.route import COOKIE
from deploy.console.context import Console
from deploy.console.roles import Role
from deploy.console.store.accounts import Account
from ingest.errors import InputError

logger = logging.getLogger(__name__)

WAY_COOKIE = "vigil_oidc"
"""Cookie of somebody on the way to the provider and back."""
WAY_S = 600.0
"""Longest time of that way, s."""
MOST_WAYS = 1000
"""Most who are on the way at once; the oldest are forgotten."""
TIMEOUT_S = 10.0
"""Longest wait for the provider, s."""
ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA"]
"""Signatures that are believed; never none, never one by a shared secret."""


@dataclass(frozen=True, slots=True)
class _Way:
    state: str
    nonce: str
    verifier: str
    begun_s: float


class Provider:
    """An OpenID provider.

    Parameters
    ----------
    issuer : str
        Its address, which must be the issuer of its tokens.
    client_id, client_secret : str
        What it knows Vigil by; a public client has no secret.
    redirect_uri : str
        Where it sends people back: the page's address with ``api/oidc/callback``.
    roles_claim : str
        Claim of the ID token that names roles.
    label : str
        What the page calls it.
    clock_s : callable
        Wall clock, s since 1970.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        *,
        roles_claim: str = "roles",
        label: str = "single sign-on",
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self.issuer, self.client_id, self.redirect_uri = issuer, client_id, redirect_uri
        self._secret, self._roles_claim, self.label = client_secret, roles_claim, label
        self._clock_s, self._lock = clock_s, threading.Lock()
        self._ways: OrderedDict[str, _Way] = OrderedDict()
        self._told: dict[str, Any] = {}

    def begin(self) -> tuple[str, str]:
        """Return the name of a way, and the address to go to."""
        way = _Way(
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(48),
            self._clock_s(),
        )
        name = secrets.token_urlsafe(24)
        with self._lock:
            self._ways[name] = way
            while len(self._ways) > MOST_WAYS:
                self._ways.popitem(last=False)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(way.verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile",
            "state": way.state,
            "nonce": way.nonce,
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return name, f"{self._discovered()['authorization_endpoint']}?{urlencode(query)}"

    def finish(self, name: str, told: Mapping[str, str]) -> tuple[str, str, frozenset[Role]]:
        """Check what the provider sent back; return subject, name and roles.

        Raises
        ------
        InputError
            If something does not fit, or no role is granted.
        """
        with self._lock:
            way = self._ways.pop(name, None)
        if way is None or self._clock_s() - way.begun_s > WAY_S:
            raise InputError("this sign-in took too long, or was not begun here")
        if not secrets.compare_digest(told.get("state", "").encode(), way.state.encode()):
            raise InputError("this sign-in was not begun here")
        if "error" in told or "code" not in told:
            raise InputError(f"the provider refused: {told.get('error', 'no code')[:100]}")
        claims = self._claims(self._id_token(told["code"], way.verifier), way.nonce)
        granted = claims.get(self._roles_claim, [])
        named = [granted] if isinstance(granted, str) else granted
        roles = frozenset(Role(r) for r in named if r in list(Role))
        if not roles:
            raise InputError(f"the provider grants no role of Vigil in {self._roles_claim!r}")
        shown = str(claims.get("preferred_username") or claims.get("name") or claims["sub"])
        return str(claims["sub"]), shown, roles

    def _discovered(self) -> dict[str, Any]:
        """Read the discovery document, once."""
        if not self._told:
            address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            told = self._get(address)
            if told.get("issuer") != self.issuer:
                raise InputError(f"{address} speaks of the issuer {told.get('issuer')!r}")
            self._told = told
        return self._told

    def _id_token(self, code: str, verifier: str) -> str:
        keys = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "code_verifier": verifier,
        }
        if self._secret:
            keys["client_secret"] = self._secret
        try:
            where = self._discovered()["token_endpoint"]
            answer = httpx.post(where, data=keys, timeout=TIMEOUT_S)
            token: str = answer.raise_for_status().json()["id_token"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise InputError(f"the provider gave no token: {error}") from error
        return token

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        """Check signature, issuer, audience, time and nonce."""
        try:
            keys = KeySet.import_key_set(self._get(self._discovered()["jwks_uri"]))  # type: ignore[arg-type]
            found = jwt.decode(token, keys, algorithms=ALGORITHMS)
            jwt.JWTClaimsRegistry(
                iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": self.client_id},
                exp={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": nonce},
                leeway=60,
            ).validate(found.claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"the provider's token is not valid: {error}") from error
        return dict(found.claims)

    def _get(self, address: str) -> dict[str, Any]:
        try:
            told: dict[str, Any] = httpx.get(address, timeout=TIMEOUT_S).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise InputError(f"the provider does not answer at {address}: {error}") from error
        return told


def _provider(request: Request) -> tuple[Console, Provider]:
    console: Console = request.app.state.console
    if console.provider is None:
        raise ProblemError(404, "there is no OpenID provider here")
    return console, console.provider


async def _start(request: Request) -> Response:
    console, provider = _provider(request)
    try:
        name, address = await run_in_threadpool(provider.begin)
    except InputError as error:
        raise ProblemError(503, str(error)) from error
    answer = RedirectResponse(address, 302, {"cache-control": "no-store"})
    answer.set_cookie(
        WAY_COOKIE, name, max_age=int(WAY_S), httponly=True, samesite="lax",
        secure=console.secure_cookies, path="/api/oidc",
    )  # fmt: skip
    return answer


async def _callback(request: Request) -> Response:
    console, provider = _provider(request)
    name, told = request.cookies.get(WAY_COOKIE, ""), dict(request.query_params)

    def come_back() -> tuple[str, Account]:
        subject, shown, roles = provider.finish(name, told)
        account = console.accounts.of_provider(provider.issuer, subject, shown, roles)
        console.audit.append(account.name, "sign-in", {"how": "oidc", "issuer": provider.issuer})
        return console.accounts.sign_in(account)[0], account

    try:
        token, _ = await run_in_threadpool(come_back)
    except InputError as error:
        logger.warning("a sign-in by OpenID was refused: %s", error)
        return RedirectResponse("/#/sign-in/refused", 303)
    answer = RedirectResponse("/", 303, {"cache-control": "no-store"})
    answer.delete_cookie(WAY_COOKIE, path="/api/oidc")
    answer.set_cookie(
        COOKIE, token, httponly=True, samesite="lax", secure=console.secure_cookies, path="/"
    )
    return answer


ROUTES = [Route("/api/oidc/start", _start), Route("/api/oidc/callback", _callback)]
"""Routes that browsers are sent along; not part of the OpenAPI document."""
