"""Signing in and out, and who one is."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, StringConstraints
from starlette.responses import JSONResponse, Response

from deploy.console.api.problem import ProblemError
from deploy.console.api.route import COOKIE, Call, Form, Line, Way
from deploy.console.roles import SEES
from deploy.console.store.accounts import Account, SignedIn

Secret = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SignIn(Form):
    """Name and password."""

    name: Line
    password: Secret


class SignInByKey(Form):
    """The key that a demonstration printed."""

    key: Secret


class Me(BaseModel):
    """Who is signed in."""

    name: str
    roles: list[str]
    csrf: str
    expires_ms: int


class Methods(BaseModel):
    """How one can sign in here."""

    password: bool
    key: bool
    oidc: str | None


def sign_in(call: Call) -> Response:
    """Check name and password."""
    console, name = call.console, call.body.name
    _slow_down(call, f"{call.address} {name}")
    account = console.accounts.check(name, call.body.password)
    if account is None:
        console.audit.append("nobody", "sign-in.refused", {"name": name, "from": call.address})
        raise ProblemError(401, "name or password is wrong")
    return begin_session(call, account, "password")


def sign_in_by_key(call: Call) -> Response:
    """Check the key of a demonstration."""
    console = call.console
    _slow_down(call, f"{call.address} key")
    account = console.accounts.named(console.login_key_account)
    if not console.is_key(call.body.key) or account is None:
        raise ProblemError(401, "this key signs nobody in")
    return begin_session(call, account, "key")


def begin_session(call: Call, account: Account, how: str) -> Response:
    """Begin a session, and answer with its cookie."""
    call.console.audit.append(account.name, "sign-in", {"how": how, "from": call.address})
    token, signed = call.console.accounts.sign_in(account)
    answer = JSONResponse(_me(signed), headers={"cache-control": "no-store"})
    set_cookie(call, answer, token)
    return answer


def set_cookie(call: Call, answer: Response, token: str) -> None:
    """Give a browser its session."""
    answer.set_cookie(
        COOKIE,
        token,
        httponly=True,
        samesite="lax",  # strict is not sent behind an OpenID provider's redirect
        secure=call.console.secure_cookies,
        path="/",
    )


def sign_out(call: Call) -> Response:
    """End the session."""
    call.console.accounts.sign_out(call.request.cookies[COOKIE])
    call.console.audit.append(call.who, "sign-out", {})
    answer = JSONResponse({"done": True}, headers={"cache-control": "no-store"})
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
    return answer


def me(call: Call) -> dict[str, Any]:
    """Tell who is signed in."""
    return _me(signed_of(call))


def methods(call: Call) -> dict[str, Any]:
    """Tell how one can sign in."""
    provider = call.console.provider
    return {
        "password": True,
        "key": bool(call.console.login_key),
        "oidc": None if provider is None else provider.label,
    }


def signed_of(call: Call) -> SignedIn:
    """Return who is signed in; ways that need a role have somebody."""
    if call.signed is None:
        raise ProblemError(401, "sign in first")
    return call.signed


def _me(signed: SignedIn) -> dict[str, Any]:
    account = signed.account
    return {
        "name": account.name,
        "roles": sorted(account.roles),
        "csrf": signed.csrf,
        "expires_ms": signed.expires_ms,
    }


def _slow_down(call: Call, key: str) -> None:
    # By name and address, and more loosely by address alone: no name can be locked from elsewhere.
    wait_s = max(call.console.throttle.wait_s(key), call.console.throttle_all.wait_s(call.address))
    if wait_s > 0:
        seconds = math.ceil(wait_s)
        raise ProblemError(429, f"too many tries; wait {seconds} s", {"retry-after": str(seconds)})


class Done(BaseModel):
    """It is done."""

    done: bool


_RETRY = {"retry-after": "Seconds to wait."}
WAYS = (
    Way("GET", "/api/sign-in", methods, "How one can sign in.", None, Methods),
    Way(
        "POST", "/api/sign-in", sign_in, "Sign in.", None, Me, SignIn, problems=(401, 429)
    ),
    Way(
        "POST", "/api/sign-in/key", sign_in_by_key, "Sign in by a demonstration's key.", None, Me,
        SignInByKey, problems=(401, 429),
    ),
    Way("POST", "/api/sign-out", sign_out, "Sign out.", SEES, Done),
    Way("GET", "/api/me", me, "Who is signed in.", SEES, Me),
)  # fmt: skip
"""Ways of this module."""
