"""Mosquitto, the MQTT broker of the tests: the system's, or the distribution's, unpacked here.

Where it is not installed, its Debian packages are fetched by apt's own means and
unpacked into an ignored folder: nothing is installed, and nobody need be root.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ingest.errors import InputError

TARGET = Path(__file__).parent / "target"
"""Where packages are unpacked; ignored by git."""

PLACES = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto")
"""Where an installed broker stands, beside the search path."""

NOT_FETCHED = ("libc6", "libgcc-s1")
"""Libraries that must be the system's own."""

FETCH_TIMEOUT_S = 240
"""How long apt may take, s."""


def why_not() -> str | None:
    """Say why there can be no Mosquitto here, or None where there can."""
    if _installed() or _unpacked() is not None:
        return None
    missing = [tool for tool in ("apt-get", "apt-cache", "dpkg") if shutil.which(tool) is None]
    if missing:
        return f"Mosquitto is not installed, and cannot be fetched without {', '.join(missing)}"
    return None


def mosquitto() -> tuple[list[str], dict[str, str]]:
    """Return the command of the broker, and the environment it needs; fetched the first time.

    Raises
    ------
    InputError
        If it is not there and cannot be fetched.
    """
    found = _installed()
    if found:
        return [found], dict(os.environ)
    reason = why_not()
    if reason is not None:
        raise InputError(reason)
    TARGET.mkdir(exist_ok=True)
    with (TARGET / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may come here at once
        if _unpacked() is None:
            _fetch(TARGET)
    unpacked = _unpacked()
    if unpacked is None:
        raise InputError("Mosquitto's package was fetched, but there is no broker in it")
    libraries = {str(path.parent) for path in (TARGET / "root").rglob("*.so*")}
    return [str(unpacked)], {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(libraries))}


def tool(name: str) -> list[str]:
    """Return the command of a tool that comes with the broker, such as ``mosquitto_passwd``.

    It needs the broker's environment, as :func:`mosquitto` gives it.
    """
    beside = TARGET / "root" / "usr" / "bin" / name
    return [str(beside) if beside.is_file() else name]


def _installed() -> str | None:
    found = shutil.which("mosquitto")
    return found or next((place for place in PLACES if Path(place).is_file()), None)


def _unpacked() -> Path | None:
    done = TARGET / "fetched"
    broker = TARGET / "root" / "usr" / "sbin" / "mosquitto"
    return broker if done.is_file() and broker.is_file() else None


def _fetch(target: Path) -> None:
    """Fetch the broker's package and the libraries of it that are not installed."""
    packages = target / "packages"
    for folder in (packages, target / "root"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    options = _options(target)
    if not _list_is_there(options):
        _run(["apt-get", *options, "update"], packages)
    names = ["mosquitto", *_libraries(options, packages)]
    _run(["apt-get", *options, "download", *names], packages)
    for package in packages.glob("*.deb"):
        _run(["dpkg", "-x", str(package), str(target / "root")], packages)
    (target / "fetched").touch()


def _options(target: Path) -> list[str]:
    """Return apt's options: its own lists where they know the package, else a folder here."""
    if _list_is_there([]):
        return []
    lists = target / "apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (lists / folder).mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::Lists={lists / 'lists'}", "-o", f"Dir::Cache={lists / 'cache'}"]


def _list_is_there(options: Sequence[str]) -> bool:
    done = subprocess.run(
        ["apt-cache", *options, "show", "mosquitto"], capture_output=True, timeout=60, check=False
    )
    return done.returncode == 0


def _libraries(options: Sequence[str], folder: Path) -> list[str]:
    """Return the libraries that the broker depends on and that are not installed."""
    told = _run(["apt-cache", *options, "depends", "mosquitto"], folder)
    words = [line.split()[-1] for line in told.splitlines() if line.strip().startswith("Depends:")]
    wanted = [word for word in words if word.startswith("lib") and word not in NOT_FETCHED]
    return [name for name in wanted if not _is_installed(name)]


def _is_installed(package: str) -> bool:
    done = subprocess.run(
        ["dpkg", "--status", package], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode == 0 and "install ok installed" in done.stdout


def _run(command: Sequence[str], folder: Path) -> str:
    """Run one of apt's tools; return what it wrote."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise InputError(f"Mosquitto cannot be fetched: {(done.stdout + done.stderr)[-800:]}")
    return done.stdout


if __name__ == "__main__":
    print(*mosquitto()[0])
