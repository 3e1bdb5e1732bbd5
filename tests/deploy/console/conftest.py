"""What the console's tests share: PostgreSQL of the run's own, and a thread that does commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.ports import free_ports
from tests.deploy.console.browsers import SweepingWard, open_page, signed_in, started_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

START_S = 60.0


def postgres_folder() -> Path | None:
    """Return the folder of PostgreSQL's programs, or None."""
    beside = shutil.which("initdb")
    found = (
        [Path(beside).resolve().parent]
        if beside
        else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    )
    return found[-1] if found and (found[-1] / "postgres").exists() else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a running PostgreSQL with an empty database; skips where there is none."""
    programs = postgres_folder()
    if programs is None:
        pytest.skip("no PostgreSQL: install its server")
    # Not in tmp_path: PostgreSQL does not run as root, and nobody else may look in there.
    folder = Path(tempfile.mkdtemp(prefix="vigil-postgres-"))
    user = {"user": "nobody"} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "nobody")
    (port,) = free_ports(1)
    made = [programs / "initdb", "-D", folder / "data", "-U", "vigil", "-A", "trust", "-N"]
    subprocess.run([*made, "-E", "UTF8"], check=True, capture_output=True, cwd="/", **user)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    options += ["-c", "unix_socket_directories="]
    log = (folder.parent / f"{folder.name}.log").open("wb")
    running = subprocess.Popen(
        [programs / "postgres", "-D", folder / "data", "-p", str(port), *options],
        stdout=log,
        stderr=log,
        cwd="/",
        **user,
    )
    try:
        end_s = time.monotonic() + START_S
        asked = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
        while subprocess.run(asked, capture_output=True, check=False).returncode:
            assert running.poll() is None, Path(log.name).read_text()
            assert time.monotonic() < end_s, "PostgreSQL did not start"
            time.sleep(0.05)
        yield f"postgresql://vigil@127.0.0.1:{port}/postgres"
    finally:
        running.terminate()
        running.wait(START_S)
        log.close()
        Path(log.name).unlink()
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty database, of either kind."""
    if request.param == "sqlite":
        yield str(tmp_path / "console.sqlite")
        return
    import sqlalchemy

    at = request.getfixturevalue("postgres").replace("postgresql:", "postgresql+psycopg:")
    yield at
    engine = sqlalchemy.create_engine(at)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("DROP SCHEMA public CASCADE"))
        connection.execute(sqlalchemy.text("CREATE SCHEMA public"))
    engine.dispose()


@pytest.fixture
def turning() -> Iterator[list]:
    """A list of things whose ``turn`` a thread calls until the test ends."""
    things: list = []
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.005):
            for thing in things:
                thing()

    thread = threading.Thread(target=run)
    thread.start()
    yield things
    stop.set()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_chromium() as started:
        yield started


@pytest.fixture(scope="module")
def sweeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SweepingWard]:
    ward = SweepingWard(tmp_path_factory.mktemp("browser"))
    yield ward
    ward.close()


@pytest.fixture(scope="module")
def context(browser: Browser, sweeping: SweepingWard) -> Iterator[BrowserContext]:
    made = signed_in(browser, sweeping.server.address)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, sweeping: SweepingWard) -> Iterator[Page]:
    made = open_page(context, sweeping.server.address)
    made.wait_for_selector(".tile")
    yield made
    assert made.wrong == []  # type: ignore[attr-defined]
    made.close()
