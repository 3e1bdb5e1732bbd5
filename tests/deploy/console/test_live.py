"""The WebSocket: no numbered item is lost by a cut or a slow browser; no stranger looks in."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from deploy.console.api.route import COOKIE
from deploy.console.waves import WALL, unpack
from tests.deploy.console.consoles import Ward, alarm, frame, make_ward, serve, sign_in

LIMIT_S = 90.0


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = make_ward(tmp_path, streams=("p1", "p2"))
    server = serve(made.console)
    made.url = server.address  # type: ignore[attr-defined]
    yield made
    server.stop()
    made.console.audit.close()
    made.database.close()


def cookie(ward: Ward, name: str = "viewer") -> str:
    with httpx.Client(base_url=ward.url, timeout=60.0) as client:  # type: ignore[attr-defined]
        sign_in(client, name)
        return f"{COOKIE}={client.cookies[COOKIE]}"


def open_socket(ward: Ward, told: str, **given: object) -> ClientConnection:
    url = ward.url.replace("http", "ws") + "ws"  # type: ignore[attr-defined]
    return connect(url, additional_headers={"Cookie": told}, compression=None, **given)


def begin(ws: ClientConnection, epoch: str = "", seq: int = -1, wall: int = 4) -> None:
    ws.send(json.dumps({"op": "begin", "epoch": epoch, "seq": seq, "wall": wall, "detail": None}))


def next_text(ws: ClientConnection, kind: str) -> dict:
    end_s = time.monotonic() + LIMIT_S
    while time.monotonic() < end_s:
        message = ws.recv(timeout=LIMIT_S)
        if isinstance(message, str) and (told := json.loads(message))["t"] == kind:
            return told
    raise AssertionError(f"no {kind}")


def next_block(ws: ClientConnection) -> tuple:
    while True:
        message = ws.recv(timeout=LIMIT_S)
        if isinstance(message, bytes):
            return unpack(message)


def test_a_browser_gets_all_there_is_then_what_is_new(ward: Ward) -> None:
    with open_socket(ward, cookie(ward)) as ws:
        begin(ws)
        hello = next_text(ws, "hello")
        assert [p["stream_id"] for p in hello["patients"]] == ["p1", "p2"]
        ward.feed(alarm("p1", "asystole"))
        items = next_text(ws, "events")["items"]
        assert items[0]["alarm"]["condition"] == "asystole"
        assert [item["seq"] for item in items] == [hello["seq"] + 1 + i for i in range(len(items))]
        ward.hub.see([frame("p1", 2500), frame("p2", 2500)])
        while not ward.hub.turn():
            time.sleep(0.01)
        kind, _, _, waves = next_block(ws)
        assert kind == WALL
        assert {wave.index for wave in waves} == {0, 1}
        ws.send(json.dumps({"op": "show", "wall": 0, "detail": "p2"}))
        for first in range(2550, 20_000, 50):
            ward.hub.see([frame("p1", first), frame("p2", first)])
            ward.hub.turn()
            time.sleep(0.01)
            if len(ward.hub.blocks) > 5:
                break
        while (found := next_block(ws))[0] == WALL:
            pass
        assert {wave.index for wave in found[3]} == {1}
        assert found[3][0].steps.shape[0] == 2


def test_who_was_cut_off_gets_what_was_missed_and_nothing_twice(ward: Ward) -> None:
    told = cookie(ward)
    with open_socket(ward, told) as ws:
        begin(ws)
        hello = next_text(ws, "hello")
    ward.feed(alarm("p1", "asystole"))
    ward.feed(alarm("p2", "tachycardia"))
    with open_socket(ward, told) as ws:
        begin(ws, hello["epoch"], hello["seq"])
        found, last = [], hello["seq"]
        while len([i for i in found if i["t"] == "alarm"]) < 2:
            items = next_text(ws, "events")["items"]
            assert [i["seq"] for i in items] == [last + 1 + n for n in range(len(items))]
            last = items[-1]["seq"]
            found += items
        names = [i["alarm"]["condition"] for i in found if i["t"] == "alarm"]
        assert names == ["asystole", "tachycardia"]
    with open_socket(ward, told) as ws:
        begin(ws, "another run", hello["seq"])
        assert len(next_text(ws, "hello")["alarms"]) == 2


def test_a_slow_browser_skips_waveforms_gets_every_alarm_and_holds_nobody_up(ward: Ward) -> None:
    told = cookie(ward)
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect((ward.url.split("/")[2].split(":")[0], int(ward.url.split(":")[2][:-1])))  # type: ignore[attr-defined]
    with open_socket(ward, told, sock=plain, max_queue=1) as slow:
        starve(ward, told, slow)


def starve(ward: Ward, told: str, slow: ClientConnection) -> None:
    begin(slow, wall=1)
    hello = next_text(slow, "hello")
    done = threading.Event()

    def feed() -> None:
        first = 2500
        while not done.is_set():
            ward.hub.see([frame(s, first, 1000) for s in ("p1", "p2")])
            ward.feed(alarm("p1", "tachycardia", sample=first))
            first += 1000
            time.sleep(0.005)

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        with open_socket(ward, told) as fast:
            begin(fast)
            next_text(fast, "hello")
            end_s = time.monotonic() + LIMIT_S
            while ward.hub.blocks[-1].number < 30 and time.monotonic() < end_s:
                next_block(fast)
        assert ward.hub.blocks[-1].number >= 30, "the fast one was held up"
    finally:
        done.set()
        feeder.join()
    numbers, seq = [], hello["seq"]
    while seq < ward.hub.journal.last:
        message = slow.recv(timeout=LIMIT_S)
        if isinstance(message, bytes):
            numbers.append(unpack(message)[1])
            continue
        told_now = json.loads(message)
        for item in told_now.get("items", ()):
            assert item["seq"] == seq + 1, "an item was lost"
            seq = item["seq"]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("told", ["", f"{COOKIE}=forged"])
def test_who_is_not_signed_in_is_sent_away(ward: Ward, told: str) -> None:
    with open_socket(ward, told) as ws, pytest.raises(ConnectionClosed) as closed:
        ws.recv(timeout=LIMIT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def test_the_page_of_another_site_is_sent_away(ward: Ward) -> None:
    ws = open_socket(ward, cookie(ward), origin="https://evil.example")
    with ws, pytest.raises(ConnectionClosed):
        ws.recv(timeout=LIMIT_S)


@pytest.mark.parametrize("said", ["junk", "[]", '{"op": "begin", "wall": 3}', '{"op": "dance"}'])
def test_nonsense_is_answered_with_a_close(ward: Ward, said: str) -> None:
    with open_socket(ward, cookie(ward)) as ws:
        ws.send(said)
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=LIMIT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4400
