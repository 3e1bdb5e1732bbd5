"""The WebSocket: alarms and state in order and without loss, waveforms as fast as they are taken.

A browser begins with ``{"op": "begin", "epoch": …, "seq": …, "block": …, "wall": 4, "detail":
null}``: the last numbered item and the last block that it has (of blocks it gets the seconds that
are kept, so that a wall is not empty at first), how far the wall's waveforms are to be thinned
(0: no wall), and the patient whose leads are all wanted. The last two may be told anew at any time
with ``"op": "show"``. It gets text, ``hello`` with all there is, or ``events`` with what it missed,
and binary blocks (:mod:`deploy.console.waves`). Nothing is commanded here: that goes by the API.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from deploy.console.api.route import COOKIE
from deploy.console.context import Console
from deploy.console.roles import SEES
from deploy.console.waves import THINNINGS

HEARTBEAT_S = 1.0
"""The time is sent this often, so that a browser sees a cut at once, s."""
CHECK_S = 30.0
"""Time between two looks at whether the session still holds, s."""
MOST_ITEMS = 500
"""Most numbered items of one message."""
UNAUTHORISED, BAD_REQUEST = 4401, 4400
"""Codes with which a socket is closed."""


@dataclass(slots=True)
class _Wish:
    """What a browser shows."""

    epoch: str = ""
    seq: int = -1
    block: int = 0
    wall: int = 0
    detail: int | None = None


async def live(socket: WebSocket) -> None:
    """Serve one browser until it goes."""
    console: Console = socket.app.state.console
    origin = socket.headers.get("origin")
    foreign = origin is not None and origin.split("://")[-1] != socket.headers.get("host")
    await socket.accept()
    if foreign or not await _may_see(socket, console):
        await socket.close(UNAUTHORISED, "sign in first")
        return
    wish, event = _Wish(), asyncio.Event()
    try:
        _read_wish(wish, await socket.receive_text(), console)
    except (ValueError, TypeError, KeyError, WebSocketDisconnect):
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(BAD_REQUEST, "begin first")
        return
    console.hub.join(event)
    tasks = [
        asyncio.create_task(_send(socket, console, wish, event)),
        asyncio.create_task(_hear(socket, console, wish, event)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        console.hub.leave(event)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    code = next((t.result() for t in done if not t.cancelled() and t.exception() is None), None)
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(code or 1000)


async def _may_see(socket: WebSocket, console: Console) -> bool:
    token = socket.cookies.get(COOKIE)
    if not token:
        return False
    signed = await run_in_threadpool(console.accounts.signed_in, token)
    return signed is not None and bool(SEES & signed.account.roles)


def _read_wish(wish: _Wish, text: str, console: Console) -> None:
    """Take what a browser says that it shows.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it is not of that form.
    """
    told: dict[str, Any] = json.loads(text)
    if told["op"] == "begin":
        wish.epoch, wish.seq = str(told.get("epoch", "")), int(told.get("seq", -1))
        wish.block = int(told.get("block", 0))
    elif told["op"] != "show":
        raise ValueError(told["op"])
    wall = int(told.get("wall") or 0)
    if wall not in (0, *THINNINGS):
        raise ValueError(wall)
    patient = console.hub.patients.get(str(told.get("detail")))
    wish.wall, wish.detail = wall, None if patient is None else patient.index


async def _hear(
    socket: WebSocket, console: Console, wish: _Wish, event: asyncio.Event
) -> int | None:
    """Take what the browser says; return a code to close with."""
    while True:
        try:
            _read_wish(wish, await socket.receive_text(), console)
        except WebSocketDisconnect:
            return None
        except (ValueError, TypeError, KeyError):
            return BAD_REQUEST
        event.set()


async def _send(
    socket: WebSocket, console: Console, wish: _Wish, event: asyncio.Event
) -> int | None:
    """Send what is new, the numbered items first; return a code to close with."""
    hub, loop = console.hub, asyncio.get_running_loop()
    checked_s = beat_s = loop.time()
    if wish.epoch != hub.journal.epoch:
        wish.seq, wish.block = -1, 0
    else:
        await socket.send_text('{"t":"resumed"}')
    while True:
        event.clear()
        await _send_items(socket, console, wish)
        for block in hub.blocks_since(wish.block):
            if hub.journal.last != wish.seq:
                break  # an alarm came meanwhile: first that
            wish.block = block.number
            if wish.detail is not None:
                await socket.send_bytes(block.detail(wish.detail))
            if wish.wall:
                await socket.send_bytes(block.wall(wish.wall))
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), HEARTBEAT_S)
        if loop.time() - beat_s >= HEARTBEAT_S:
            beat_s = loop.time()
            await socket.send_text(json.dumps({"t": "beat", "now_ms": hub.now_ms()}))
        if loop.time() - checked_s > CHECK_S:
            checked_s = loop.time()
            if not await _may_see(socket, console):
                return UNAUTHORISED


async def _send_items(socket: WebSocket, console: Console, wish: _Wish) -> None:
    hub = console.hub
    while hub.journal.last != wish.seq:
        # A list that is written already takes no time; all there is takes a thread of its own.
        if wish.seq < 0:
            state, items, seq = await run_in_threadpool(hub.items, wish.seq, MOST_ITEMS)
        else:
            state, items, seq = hub.items(wish.seq, MOST_ITEMS)
        await socket.send_text(state or f'{{"t":"events","items":[{",".join(items)}]}}')
        wish.seq = seq
