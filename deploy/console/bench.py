"""How the console does: browsers on one process, and frames a second in one tab.

``python -m deploy.console.bench`` serves simulated patients at 250 Hz and counts
with clients in a process of their own how long an alarm takes from the hub to
each of them. With ``--tab`` a Chromium shows the wall of them, and its frames are counted; with
``--hours`` its memory is watched (:mod:`deploy.console.bench_memory`). Nothing is left
out of the answer: it says how many cores there are and how busy they were.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from argon2 import PasswordHasher

from deploy.audit_log import AuditLog
from deploy.console.bench_memory import draw, judge, watch
from deploy.console.commands import LocalDesk
from deploy.console.context import Console
from deploy.console.hub import Hub
from deploy.console.roles import Role
from deploy.console.server import Server
from deploy.console.store.accounts import Accounts
from deploy.console.store.database import Database
from deploy.console.store.feedback import FeedbackStore
from deploy.ports import free_ports
from inference.alarm_json import canonical
from ingest.errors import InputError
from ingest.frames import Frame
from ingest.simulator import demo_ward

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FRAME_S = 0.2
"""Length of a frame, s."""
WARM_S = 3.0
"""Time until counting begins, s."""


class BenchWard:
    """Simulated patients at their pace, and a server.

    Parameters
    ----------
    n_patients : int
        How many.
    folder : Path
        Where the console keeps its things.
    """

    def __init__(self, n_patients: int, folder: Path) -> None:
        database = Database(str(folder / "console.sqlite"))
        database.migrate()
        accounts = Accounts(database, hasher=PasswordHasher(1, 64, 1))
        account = accounts.add("bench", list(Role))
        self.token, _ = accounts.sign_in(account)
        self.hub = Hub()
        self.desk = LocalDesk(self.hub.signal)
        audit = AuditLog(folder / "audit.jsonl", sync=False)
        console = Console(
            self.hub, self.desk.commands, accounts, FeedbackStore(database), audit,
            login_key="bench", login_key_account="bench",
        )  # fmt: skip
        self.server = Server(console, port=free_ports(1)[0])
        self.records = demo_ward(n_patients, duration_s=20.0)
        self.n_alarms = 0
        self.fed_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Serve, and feed."""
        self.server.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop both."""
        self._stop.set()
        self._thread.join()
        self.server.stop()

    def _run(self) -> None:
        begun_s, unix_ns, turn = time.monotonic(), time.time_ns(), 0
        while not self._stop.is_set():
            at_s = turn * FRAME_S
            if (wait_s := begun_s + at_s - time.monotonic()) > 0:
                time.sleep(wait_s)
            for record in self.records:
                n = int(FRAME_S * record.fs)
                at = np.arange(turn * n, (turn + 1) * n) % record.samples.shape[1]
                start_ns = unix_ns + round(at_s * 1e9)
                samples = record.samples[:, at]
                first = turn * n
                self.hub.see(
                    [Frame(record.name, "s", first, start_ns, record.fs, record.leads, samples)]
                )
            self.hub.turn()
            if turn % 5 == 2:
                self._alarm(turn)
            turn += 1
            self.fed_s = turn * FRAME_S

    def _alarm(self, turn: int) -> None:
        name = self.records[self.n_alarms % len(self.records)].name
        state = "ended" if self.n_alarms // len(self.records) % 2 else "raised"
        told = {
            "id": f"{self.n_alarms:032x}", "stream_id": name, "session": "s", "state": state,
            "condition": "tachycardia", "kind": "physiological", "priority": "medium",
            "onset": {"sample": turn, "utc": "2026-01-01T00:00:00Z"},
            "decided": {"sample": turn, "utc": "2026-01-01T00:00:00Z"},
            "sent_ns": time.time_ns(),
        }  # fmt: skip
        self.n_alarms += 1
        self.desk.turn(self.hub.take([], [canonical(told)]))


async def listen(address: str, token: str, n_clients: int, seconds: float) -> dict[str, Any]:
    """Open so many sockets, and count how long alarms take, ms; they share one process."""
    from websockets.asyncio.client import connect

    from deploy.console.api.route import COOKIE

    delays_ms: list[float] = []
    n_bytes, begun = 0, time.time_ns() + int(1e9 * WARM_S)

    async def one() -> None:
        nonlocal n_bytes
        cookie = {"Cookie": f"{COOKIE}={token}"}
        async with connect(address, additional_headers=cookie, compression=None) as ws:
            await ws.send('{"op": "begin", "wall": 4, "detail": null}')
            async for message in ws:
                n_bytes += len(message)
                if isinstance(message, bytes) or '"sent_ns"' not in message:
                    continue
                now_ns, told = time.time_ns(), json.loads(message)
                alarms = [i["alarm"] for i in told.get("items", ()) if i["t"] == "alarm"]
                delays_ms.extend(
                    (now_ns - alarm["sent_ns"]) / 1e6
                    for alarm in alarms
                    if alarm["sent_ns"] > begun
                )

    tasks = [asyncio.create_task(one()) for _ in range(n_clients)]
    done, _ = await asyncio.wait(tasks, timeout=seconds + WARM_S)
    failed = [str(task.exception()) for task in done]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    p50, p99, worst = np.percentile(delays_ms, [50, 99, 100]).round(1).tolist()
    return {
        "clients": n_clients, "cut_off": len(failed), "heard": len(delays_ms),
        "alarm_p50_ms": p50, "alarm_p99_ms": p99, "alarm_worst_ms": worst,
        "cores_of_the_clients": round(time.process_time() / (seconds + WARM_S), 2),
        "mib_per_s": round(n_bytes / (seconds + WARM_S) / 2**20, 2),
    }  # fmt: skip


_COUNT = """(seconds) => new Promise((done) => {
  const gaps = []; let before = performance.now(); const end = before + 1000 * seconds;
  const heap = [performance.memory?.usedJSHeapSize ?? 0];
  const go = (now) => {
    gaps.push(now - before); before = now;
    if (gaps.length % 600 === 0) heap.push(performance.memory?.usedJSHeapSize ?? 0);
    if (now < end) requestAnimationFrame(go); else done({ gaps, heap });
  };
  requestAnimationFrame(go);
})"""


@contextmanager
def open_wall(address: str, width: int, height: int) -> Iterator[tuple[Browser, Page]]:
    """Show the wall in Chromium without a graphics processor.

    Raises
    ------
    InputError
        If Playwright or Chromium is missing.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise InputError("a tab needs Playwright, which make check installs") from error
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise InputError("a tab needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(f"{address}#/key/bench")
        page.wait_for_selector(".tile")
        page.wait_for_timeout(1000 * WARM_S)
        yield browser, page
        browser.close()


def count_frames(address: str, seconds: float, width: int, height: int) -> dict[str, Any]:
    """Count frames of the wall; errors as :func:`open_wall`."""
    with open_wall(address, width, height) as (_, page):
        told = page.evaluate(_COUNT, seconds)
    gaps = np.array(told["gaps"])
    return {
        "frames_per_s": round(1000 * len(gaps) / gaps.sum(), 1),
        "frame_p50_ms": round(float(np.percentile(gaps, 50)), 1),
        "frame_p99_ms": round(float(np.percentile(gaps, 99)), 1),
        "heap_first_mib": round(told["heap"][0] / 2**20, 1),
        "heap_last_mib": round(told["heap"][-1] / 2**20, 1),
    }


def watch_memory(ward: BenchWard, options: argparse.Namespace) -> dict[str, Any]:
    """Watch the memory of page and console; errors as :func:`open_wall`."""
    size = (options.width, options.height)
    with open_wall(ward.server.address, *size) as (browser, page):
        notes = watch(browser, page, ward.records[0].name, 3600 * options.hours)
    if options.plot is not None:
        draw(notes, options.plot)
    return judge(notes)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Serve, and count with clients or with a tab."""
    with tempfile.TemporaryDirectory() as folder:
        ward = BenchWard(options.patients, Path(folder))
        ward.start()
        begun_s, used_s = time.monotonic(), time.process_time()
        found: dict[str, Any] = {
            "patients": options.patients, "seconds": options.seconds, "cores": os.cpu_count(),
            "load_before": round(os.getloadavg()[0], 1),
        }  # fmt: skip
        if options.hours is not None:
            found |= {"hours": options.hours} | watch_memory(ward, options)
        elif options.tab:
            size = (options.width, options.height)
            found |= count_frames(ward.server.address, options.seconds, *size)
        else:
            url = f"{ward.server.address.replace('http', 'ws', 1)}ws"
            given = ["--listen", url, "--clients", options.clients, "--seconds", options.seconds]
            done = subprocess.run(
                [sys.executable, "-m", "deploy.console.bench", *map(str, given)],
                input=ward.token,
                capture_output=True,
                text=True,
                check=True,
            )
            found |= json.loads(done.stdout)
        used = (time.process_time() - used_s) / (time.monotonic() - begun_s)
        found["cores_of_the_console"] = round(used, 2)
        # Less than 1: a machine too busy to send the signal at its pace.
        found["pace"] = round(ward.fed_s / (time.monotonic() - begun_s), 2)
        ward.stop()
    return found


def main() -> None:
    """Run one measurement and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=64)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--tab", action="store_true", help="count frames in one tab instead")
    parser.add_argument("--hours", type=float, help="watch the memory of one tab for so long")
    parser.add_argument("--plot", type=Path, help="picture of it")
    parser.add_argument("--width", type=int, default=1920)
    parser.add_argument("--height", type=int, default=1080)
    parser.add_argument("--listen", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.listen:
        token = sys.stdin.read()
        found = asyncio.run(listen(options.listen, token, options.clients, options.seconds))
    else:
        found = measure(options)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
