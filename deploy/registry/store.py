"""The registry of models: versions and their stages, kept by MLflow.

By default in a SQLite file (MLflow's plain folder of files is no longer kept up), or at a
server by its address. MLflow takes seconds to load: it is loaded where a registry is opened,
and by no process that scores.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ingest.errors import InputError


class Stage(StrEnum):
    """What a version is there for; at most one version of a name is in each but the last."""

    CANDIDATE = "candidate"
    """It passed its gates."""
    SHADOW = "shadow"
    """It runs beside the champion and alarms nobody."""
    CHAMPION = "champion"
    """It is in use."""
    RETIRED = "retired"
    """It was one of these."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model."""

    name: str
    """Name of the model."""
    number: int
    """Number in the registry, from 1."""
    stage: Stage
    """What it is there for."""
    version: str
    """Version that its metadata says."""
    sha256: str
    """Digest of its ONNX file."""
    file: Path
    """The ONNX file, its signature beside it."""
    record: Path | None
    """Folder of the signed record; None of a first champion, which has none."""
    before: int | None
    """The champion that it took the place of."""

    def to_dict(self) -> dict[str, Any]:
        """Give it as a JSON object."""
        told = {name: getattr(self, name) for name in self.__slots__}
        paths = {
            name: None if told[name] is None else str(told[name]) for name in ("file", "record")
        }
        return told | paths | {"stage": self.stage.value}


class ModelRegistry:
    """Versions of models.

    Parameters
    ----------
    address : str
        A SQLite file, which is made where it is not there, or MLflow's address: ``https://…``,
        ``postgresql://…``.

    Raises
    ------
    InputError
        If MLflow is not installed, or the registry cannot be opened.
    """

    def __init__(self, address: str) -> None:
        uri = address if "://" in address else f"sqlite:///{Path(address).resolve()}"
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would tell of its use
        os.environ.setdefault("DO_NOT_TRACK", "true")
        if "://" not in address:
            Path(address).resolve().parent.mkdir(parents=True, exist_ok=True)
        with _quiet():
            try:
                from mlflow import MlflowClient
                from mlflow.exceptions import MlflowException
            except ModuleNotFoundError as error:
                raise InputError(f"a registry needs {error.name}: install mlflow-skinny") from error
            _hush()  # once more: loading it made it talk
            self._error: type[Exception] = MlflowException
            try:
                self._client: Any = MlflowClient(tracking_uri=uri, registry_uri=uri)
            except Exception as error:  # SQLAlchemy's, requests' or its own, by the address
                raise InputError(f"registry {address} cannot be opened: {error}") from error

    def add(self, name: str, file: Path, record: Path | None, version: str, sha256: str) -> Version:
        """Add a version as the candidate; the one before, if there was one, is retired.

        Raises
        ------
        InputError
            If the registry does not take it.
        """
        tags = {
            "version": version,
            "sha256": sha256,
            "file": str(file.resolve()),
            "record": "" if record is None else str(record.resolve()),
            "stage": Stage.CANDIDATE.value,
        }
        with _quiet(), self._telling(name):
            found = self._client.search_registered_models(f"name = '{name}'")
            if not found:
                self._client.create_registered_model(name)
            folder = file.resolve().parent.as_uri()
            made = self._client.create_model_version(name, source=folder, tags=tags)
        self.move(name, int(made.version), Stage.CANDIDATE)
        return self.version(name, int(made.version))

    def versions(self, name: str) -> list[Version]:
        """Return all versions, the newest first.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        with _quiet(), self._telling(name):
            found = self._client.search_model_versions(f"name = '{name}'")
        if not found:
            raise InputError(f"the registry has no model {name!r}")
        return sorted((_version(one) for one in found), key=lambda one: -one.number)

    def version(self, name: str, number: int) -> Version:
        """Return one version.

        Raises
        ------
        InputError
            If it is not there.
        """
        with _quiet(), self._telling(f"{name} {number}"):
            return _version(self._client.get_model_version(name, str(number)))

    def at(self, name: str, stage: Stage) -> Version | None:
        """Return the version in a stage, None where there is none."""
        try:
            found = self.versions(name)
        except InputError:
            return None
        return next((one for one in found if one.stage is stage), None)

    def move(self, name: str, number: int, stage: Stage, before: int | None = None) -> None:
        """Put a version into a stage; the one that was there is retired.

        Parameters
        ----------
        name, number
            The version.
        stage : Stage
            Where it goes.
        before : int, optional
            The champion whose place it takes, to be kept with it.
        """
        old = None if stage is Stage.RETIRED else self.at(name, stage)
        with _quiet(), self._telling(f"{name} {number}"):
            if old is not None and old.number != number:
                self._client.set_model_version_tag(name, str(old.number), "stage", Stage.RETIRED)
            self._client.set_model_version_tag(name, str(number), "stage", stage.value)
            if before is not None:
                self._client.set_model_version_tag(name, str(number), "before", str(before))
            if stage is not Stage.RETIRED:
                self._client.set_registered_model_alias(name, stage.value, str(number))

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise InputError(f"registry: {what}: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow's news and its libraries' warnings from the user."""
    _hush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _hush() -> None:
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _version(told: Any) -> Version:
    tags = told.tags
    return Version(
        told.name,
        int(told.version),
        Stage(tags.get("stage", Stage.CANDIDATE)),
        tags.get("version", ""),
        tags.get("sha256", ""),
        Path(tags.get("file", "")),
        Path(tags["record"]) if tags.get("record") else None,
        int(tags["before"]) if tags.get("before") else None,
    )
