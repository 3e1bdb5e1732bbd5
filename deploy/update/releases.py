"""The releases on a machine's disk, and the link that says which one is in use.

::

    FOLDER/current -> releases/7     what services load; not there: the models that ship
    FOLDER/releases/7/               whole and checked, never changed
    FOLDER/state.json                numbers: in use, the one before, the highest ever, those held
    FOLDER/lock, FOLDER/audit.jsonl

A release is written aside, synced and renamed; the link is renamed over the old one. Whenever the
machine stops, the link leads to a whole release.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ingest.durable import sync_folder
from ingest.errors import InputError
from ingest.json_text import read_json

SCHEMA = "vigil.update-state/1"
"""Name and version of the state's form."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of this machine's releases; 0 stands for the models that ship."""

    highest: int = 0
    """Highest number that was ever taken: lower ones are refused."""
    previous: int = 0
    """Release that was in use before."""
    held: tuple[int, ...] = ()
    """Releases that were taken back, and are not taken again."""
    pending: int | None = None
    """Release that is being tried; None where nothing is."""


class Releases:
    """The folder of a machine's releases.

    Parameters
    ----------
    folder : Path
        The folder; made where it is not there.

    Raises
    ------
    InputError
        If it cannot be made or its state is malformed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._place, self._link = folder / "releases", folder / "current"
        try:
            self._place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"releases {folder} cannot be made: {error.strerror}") from error

    @property
    def current(self) -> int:
        """Number of the release in use; 0: the models that ship."""
        try:
            return int(self._link.readlink().name)
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            raise InputError(f"{self._link} is no link to a release") from error

    @property
    def state(self) -> State:
        """What is known."""
        try:
            text = (self.folder / "state.json").read_bytes()
        except FileNotFoundError:
            return State()
        told = read_json(text, "the state of releases")
        try:
            if told.pop("schema") != SCHEMA:
                raise InputError(f"{self.folder / 'state.json'} is not of the form {SCHEMA}")
            return State(**{**told, "held": tuple(told["held"])})
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{self.folder / 'state.json'} is malformed") from error

    def note(self, **changes: object) -> State:
        """Change what is known, durably."""
        state = replace(self.state, **changes)  # type: ignore[arg-type]
        told = {"schema": SCHEMA, **asdict(state)}
        fresh = self.folder / "state.json.new"
        _write(fresh, json.dumps(told).encode())
        fresh.replace(self.folder / "state.json")
        sync_folder(self.folder)
        return state

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Let nobody else change the folder meanwhile.

        Raises
        ------
        InputError
            If somebody does.
        """
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise InputError(f"another update works in {self.folder}") from error
            yield

    def path(self, number: int) -> Path:
        """Folder of a release."""
        return self._place / str(number)

    def stage(self, number: int, files: Mapping[str, bytes]) -> Path:
        """Write a release aside, whole and durable; what an update that died left goes.

        Raises
        ------
        InputError
            If the disk does not take it.
        """
        aside = self._place / f".{number}.new"
        try:
            for left in self._place.glob(".*.new"):
                shutil.rmtree(left)
            aside.mkdir()
            for name, content in files.items():
                _write(aside / name, content)
            sync_folder(aside)
        except OSError as error:
            shutil.rmtree(aside, ignore_errors=True)
            raise InputError(f"release {number} cannot be stored: {error.strerror}") from error
        return aside

    def keep(self, number: int, aside: Path) -> None:
        """Give a release that was checked its place."""
        place = self.path(number)
        if place.exists():
            shutil.rmtree(place)  # of an update that died before it was in use
        aside.rename(place)
        sync_folder(self._place)

    def use(self, number: int) -> None:
        """Let the link lead to a release; 0 takes it away. It is one step or none."""
        if number == 0:
            self._link.unlink(missing_ok=True)
        else:
            if not self.path(number).is_dir():
                raise InputError(f"release {number} is not on this machine")
            fresh = self.folder / "current.new"
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(Path("releases") / str(number))
            fresh.replace(self._link)
        sync_folder(self.folder)

    def prune(self) -> None:
        """Remove releases that are neither in use nor the one before."""
        kept = {str(self.current), str(self.state.previous)}
        for place in self._place.iterdir():
            if place.name not in kept:
                shutil.rmtree(place)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
