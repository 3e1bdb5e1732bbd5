"""The web application: the page, the API, the WebSocket, and the headers on all of it."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy.console import oidc
from deploy.console.api.openapi import WAYS, document
from deploy.console.api.problem import ProblemError
from deploy.console.api.route import Way
from deploy.console.context import Console
from deploy.console.live import live

PAGE = Path(__file__).parent / "page"
"""Folder of the page: HTML, CSS and ES modules as they are served."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""What the page may load: itself."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
"""Headers of every answer, unless it has its own."""


class Guarded:
    """Adds the headers, and lets browsers ask each time whether a file is still the same.

    Parameters
    ----------
    app : ASGIApp
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = {name.lower() for name, _ in message["headers"]}
                wanted = {**HEADERS, "cache-control": "no-cache"}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (k.encode(), v.encode())
                        for k, v in wanted.items()
                        if k.encode() not in told
                    ),
                ]
            await send(message)

        await self._app(scope, receive, guarded)


def make_app(console: Console) -> Starlette:
    """Put the application together.

    Parameters
    ----------
    console : Console
        What the API works with.
    """
    routes = [
        Route("/", _page),
        Route("/healthz", _alive),
        Route("/api/openapi.json", _openapi),
        *_api_routes(),
        *oidc.ROUTES,
        WebSocketRoute("/ws", live),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guarded)],
        exception_handlers={HTTPException: _http_error, ProblemError: _problem},
    )
    app.router.redirect_slashes = False
    app.state.console = console
    return app


def _api_routes() -> list[Route]:
    """One route a path, which tells the methods that it has of those that it has not."""
    by_path: dict[str, dict[str, Way]] = {}
    for way in WAYS:
        by_path.setdefault(way.path, {})[way.method] = way
    return [_route(path, ways) for path, ways in by_path.items()]


def _route(path: str, ways: dict[str, Way]) -> Route:
    async def serve(request: Request) -> Response:
        return await ways["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, serve, methods=list(ways))


async def _page(_: Request) -> Response:
    return FileResponse(PAGE / "index.html")


async def _alive(_: Request) -> Response:
    return JSONResponse({"alive": True})


async def _openapi(_: Request) -> Response:
    return JSONResponse(document())


async def _http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    words = {404: "there is no such page", 405: "this method is not allowed here"}
    return JSONResponse({"error": words.get(status, str(error))}, status, headers)


async def _problem(_: Request, error: Exception) -> Response:
    if isinstance(error, ProblemError):
        return error.response()
    raise error
