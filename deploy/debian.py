"""Programs for tests and trials: the system's, or those of a Debian package, unpacked in a folder.

Where a program is not installed, its package and the libraries of it that are missing are
fetched by apt's own means and unpacked into an ignored folder: nothing is installed, and nobody
need be root.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ingest.errors import InputError

NOT_FETCHED = ("libc6", "libgcc-s1")
"""Libraries that must be the system's own."""
FETCH_TIMEOUT_S = 240
"""How long apt may take, s."""


class Unpacked:
    """A program of a package.

    Parameters
    ----------
    package : str
        Debian's name of the package.
    program : str
        Where the program is in it, such as ``usr/sbin/mosquitto``.
    target : Path
        Folder that it is unpacked in.
    """

    def __init__(self, package: str, program: str, target: Path) -> None:
        self._package, self._program, self._target = package, program, target
        self._root = target / "root"

    def why_not(self) -> str | None:
        """Say why it cannot be had here, or None where it can."""
        if self._installed() or self._unpacked() is not None:
            return None
        missing = [tool for tool in ("apt-get", "apt-cache", "dpkg") if shutil.which(tool) is None]
        if missing:
            return (
                f"{Path(self._program).name} is not installed, and cannot be fetched without "
                f"{', '.join(missing)}"
            )
        return None

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return its command, and the environment it needs; fetched the first time.

        Raises
        ------
        InputError
            If it is not there and cannot be fetched.
        """
        found = self._installed()
        if found:
            return [found], dict(os.environ)
        reason = self.why_not()
        if reason is not None:
            raise InputError(reason)
        self._target.mkdir(parents=True, exist_ok=True)
        with (self._target / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may come here at once
            if self._unpacked() is None:
                self._fetch()
        unpacked = self._unpacked()
        if unpacked is None:
            raise InputError(f"the package {self._package} holds no {self._program}")
        libraries = {str(path.parent) for path in self._root.rglob("*.so*")}
        return [str(unpacked)], {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(libraries))}

    def beside(self, name: str) -> list[str]:
        """Return the command of a tool of the same package; it needs the same environment.

        Raises
        ------
        InputError
            If the package is not there and cannot be fetched.
        """
        self.command()  # the package is fetched here too: a tool may be asked for first
        unpacked = self._root / "usr" / "bin" / name
        return [str(unpacked) if unpacked.is_file() else name]

    def _installed(self) -> str | None:
        there = Path("/") / self._program
        found = shutil.which(Path(self._program).name)
        return found or (str(there) if there.is_file() else None)

    def _unpacked(self) -> Path | None:
        done, program = self._target / "fetched", self._root / self._program
        return program if done.is_file() and program.is_file() else None

    def _fetch(self) -> None:
        """Fetch the package and the libraries of it that are not installed."""
        packages = self._target / "packages"
        for folder in (packages, self._root):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        options = self._options()
        if not self._list_is_there(options):
            _run(["apt-get", *options, "update"], packages)
        names = [self._package, *self._libraries(options, packages)]
        _run(["apt-get", *options, "download", *names], packages)
        for package in packages.glob("*.deb"):
            _run(["dpkg", "-x", str(package), str(self._root)], packages)
        (self._target / "fetched").touch()

    def _options(self) -> list[str]:
        """Return apt's options: its own lists where they know the package, else a folder here."""
        if self._list_is_there([]):
            return []
        lists = self._target / "apt"
        for folder in ("lists/partial", "cache/archives/partial"):
            (lists / folder).mkdir(parents=True, exist_ok=True)
        return ["-o", f"Dir::State::Lists={lists / 'lists'}", "-o", f"Dir::Cache={lists / 'cache'}"]

    def _list_is_there(self, options: Sequence[str]) -> bool:
        words = ["apt-cache", *options, "show", self._package]
        return subprocess.run(words, capture_output=True, timeout=60, check=False).returncode == 0

    def _libraries(self, options: Sequence[str], folder: Path) -> list[str]:
        """Return the libraries that the package depends on and that are not installed."""
        told = _run(["apt-cache", *options, "depends", self._package], folder).splitlines()
        words = [line.split()[-1] for line in told if line.strip().startswith("Depends:")]
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
        raise InputError(f"{' '.join(command[:4])} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
