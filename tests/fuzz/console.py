"""Requests to the console's API, signed in with every role, through the whole application."""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import re
import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ingest.errors import InputError
from tests.fuzz.target import Target
from tests.fuzz.targets import JSON_WORDS, folder

ANEW = 2000
"""Requests behind which the audit log begins anew."""
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class _Done:
    """Takes any command, and does nothing."""

    confirms = True

    def do(self, stream_id: str, command: object) -> None:
        """Take it."""


def api() -> Target:
    """Requests as a server hands them on: a line, headers, a body."""
    from deploy.audit_log import AuditLog
    from deploy.console.app import make_app
    from deploy.console.throttle import Throttle
    from inference.alarm_json import alarm_id
    from tests.deploy.console.consoles import alarm, make_ward

    logging.getLogger("deploy.console").setLevel(logging.CRITICAL)
    here = Path(tempfile.mkdtemp(dir=folder()))
    made = make_ward(here)
    made.feed(alarm("p1", "asystole"))
    console = made.console
    console.commands = _Done()
    console.throttle = console.throttle_all = Throttle(10**9, 1.0)
    account = console.accounts.named("all")
    if account is None:
        raise RuntimeError("the ward has no account of all roles")
    token, signed = console.accounts.sign_in(account)
    app, loop = make_app(console), asyncio.new_event_loop()
    atexit.register(loop.close)
    atexit.register(lambda: console.audit.close())
    ours = [(b"cookie", f"vigil_session={token}".encode()), (b"x-csrf-token", signed.csrf.encode())]

    n_calls = [0]

    def call(request: bytes) -> str:
        n_calls[0] += 1
        if n_calls[0] % ANEW == 0:  # it is read whole where it is asked for
            console.audit.close()
            console.audit = AuditLog(here / f"audit-{n_calls[0]}.jsonl", sync=False)
        scope, body = _scope(request)
        scope["headers"] += ours
        answer: list[MutableMapping[str, Any]] = []

        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not waiting:  # the client stays, and says no more
                await asyncio.Event().wait()
            return waiting.pop()

        async def send(message: MutableMapping[str, Any]) -> None:
            answer.append(message)

        loop.run_until_complete(app(scope, receive, send))
        status = int(answer[0]["status"])
        if status >= 500:
            raise RuntimeError(f"{status}: {answer[-1].get('body', b'')[:80]!r}")
        if status >= 400:
            raise InputError(f"{status}: {answer[-1].get('body', b'')[:80]!r}")
        return f"{status} {scope['path'][:24]}"

    bodies = ({"command": "acknowledge", "condition": "asystole"},
              {"command": "set_limits", "why": "w", "limits": {"tachycardia_bpm": 130}},
              {"verdict": "false", "why": "w", "alarm_id": alarm_id("p1", "s", "asystole", 100)},
              {"verdict": "relabel", "why": "w", "sample": 100, "label": "V"})  # fmt: skip
    post = b"POST %s HTTP/1.1\r\ncontent-type: application/json\r\n\r\n%s"
    seeds = [b"GET %s HTTP/1.1\r\nhost: a\r\n\r\n" % path for path in PATHS]
    seeds += [
        post % (b"/api/patients/p1/commands", json.dumps(body).encode()) for body in bodies[:2]
    ]
    seeds += [
        post % (b"/api/patients/p1/feedback", json.dumps(body).encode()) for body in bodies[2:]
    ]
    words = (*JSON_WORDS, *PATHS, b"?", b"&", b"=", b"..", b"%00", b"%ff", b"%2e%2e/", b"\r\n",
             b"content-length: 99999999\r\n", b"cookie: vigil_session=x\r\n", b"HEAD", b"DELETE",
             b'"why": ', b'"note": ', b'"asystole"')  # fmt: skip
    return Target("console-api", [s for s in seeds if not _is_refused(call, s)], call, words)


PATHS = (
    b"/api/patients", b"/api/patients/p1", b"/api/patients/p1/limits", b"/api/alarms?most=5",
    b"/api/feedback?most=3", b"/api/health", b"/api/models", b"/api/audits",
    b"/api/audit-log?most=3", b"/api/me", b"/api/sign-in", b"/api/openapi.json", b"/page/app.js",
    b"/",
)  # fmt: skip
"""Where there is something to be had."""


def _is_refused(call: Any, seed: bytes) -> bool:
    """Tell whether a good input is not so good: seeds must be read."""
    try:
        call(seed)
    except InputError:
        return True
    return False


def _scope(request: bytes) -> tuple[dict[str, Any], bytes]:
    """Part a request as servers do, who refuse what is no HTTP before the application sees it."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    words = first.split(b" ")
    if len(words) < 2 or not words[1].isascii() or not _NAME.fullmatch(words[0]):
        raise InputError("no request")
    path, _, query = words[1].partition(b"?")
    headers = []
    for line in lines:
        name, _, value = line.partition(b":")
        if _NAME.fullmatch(name):
            headers.append((name.lower(), value.strip()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
        "method": words[0].decode().upper(), "path": unquote(path.decode()), "raw_path": path,
        "query_string": query, "root_path": "", "headers": headers, "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    return scope, body
