"""Promoting and rolling back: a signed record in, another model in use, a line in the audit log."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.audit_log import AuditLog
from deploy.registry.shelf import Shelf
from deploy.registry.store import ModelRegistry, Stage, Version
from deploy.security.models import SUFFIX, ModelTrust
from deploy.security.signing import PublicKeys, read_signature
from inference import model
from ingest.errors import InputError
from ingest.json_text import read_json

PURPOSE = "change"
"""What signatures of records are for."""
MOST_RECORD_BYTES = 16 << 20
"""Longest record."""


class Releases:
    """What is in use, and how that changes.

    Parameters
    ----------
    registry : ModelRegistry
        Versions and stages.
    shelf : Shelf
        Folder of models in use.
    trust : sequence of Path
        Public keys (PEM) whose records and models are believed.
    log : AuditLog
        Each action is told here first: what cannot be told is not done.
    who : str
        Who acts.
    """

    def __init__(
        self,
        registry: ModelRegistry,
        shelf: Shelf,
        trust: Sequence[Path],
        log: AuditLog,
        who: str,
    ) -> None:
        self._registry, self._shelf, self._log, self._who = registry, shelf, log, who
        self._keys, self._rule = PublicKeys(trust), ModelTrust(trust)

    def begin(self, name: str, file: Path) -> Version:
        """Register a first champion, which has no record, and put it in use.

        Raises
        ------
        InputError
            If there is a champion, or the model is not trusted.
        """
        if self._registry.at(name, Stage.CHAMPION) is not None:
            raise InputError(f"{name} has a champion: another one needs a signed record")
        _, info = model.load(file)
        self._rule(file, file.read_bytes())
        self._log.append(self._who, "model.begin", {"name": name, "sha256": info.digest})
        added = self._registry.add(name, file, None, info.version, info.digest)
        self._shelf.install(name, Stage.CHAMPION.value, file)
        self._registry.move(name, added.number, Stage.CHAMPION)
        return self._registry.version(name, added.number)

    def promote(self, name: str, number: int | None, stage: Stage = Stage.CHAMPION) -> Version:
        """Put a version that passed its gates in use, or run it as a shadow.

        Parameters
        ----------
        name : str
            Name of the model.
        number : int, optional
            Its version; the candidate, or the shadow, by default.
        stage : Stage
            Champion or shadow.

        Raises
        ------
        InputError
            If it has no record that passed, is signed and is of this very file and of the
            champion that is in use.
        """
        if stage not in (Stage.CHAMPION, Stage.SHADOW):
            raise InputError(f"a model is promoted to champion or shadow, not {stage.value}")
        one = self._chosen(name, number)
        champion = self._registry.at(name, Stage.CHAMPION)
        self._require_record(one, champion)
        before = None if champion is None else champion.number
        self._tell("model.promote", one, before, stage)
        self._shelf.install(name, stage.value, one.file, one.record)
        self._registry.move(name, one.number, stage, before if stage is Stage.CHAMPION else None)
        return self._registry.version(name, one.number)

    def rollback(self, name: str) -> Version:
        """Put the champion before in use again.

        Raises
        ------
        InputError
            If there is none, or its file is no longer as it was.
        """
        champion = self._registry.at(name, Stage.CHAMPION)
        if champion is None or champion.before is None:
            raise InputError(f"{name} has no champion before this one")
        one = self._registry.version(name, champion.before)
        _require_file(one)
        self._tell("model.rollback", one, champion.number, Stage.CHAMPION)
        self._shelf.install(name, Stage.CHAMPION.value, one.file, one.record)
        self._registry.move(name, one.number, Stage.CHAMPION)
        return self._registry.version(name, one.number)

    def _chosen(self, name: str, number: int | None) -> Version:
        if number is not None:
            return self._registry.version(name, number)
        found = self._registry.at(name, Stage.CANDIDATE) or self._registry.at(name, Stage.SHADOW)
        if found is None:
            raise InputError(f"{name} has neither a candidate nor a shadow: name its --version")
        return found

    def _require_record(self, one: Version, champion: Version | None) -> None:
        """Refuse what no signed record lets pass."""
        what = f"{one.name} {one.number}"
        if one.record is None:
            raise InputError(f"{what} has no record: only what vigil retrain let pass is promoted")
        path = one.record / "record.json"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"{what}: {path} cannot be read: {error.strerror}") from error
        told = read_signature(path.with_name(path.name + SUFFIX), f"the record of {what}")
        self._keys.verify(told, PURPOSE, content, f"the record of {what}")
        record = read_json(content, f"the record of {what}", MOST_RECORD_BYTES)
        if record["outcome"] != "passed":
            raise InputError(f"{what} was stopped by: {', '.join(record['stopped_by'])}")
        sides = record["description_of_modifications"]
        if sides["candidate"]["sha256"] != one.sha256:
            raise InputError(f"the record of {what} is of another file")
        if champion is not None and sides["champion"]["sha256"] != champion.sha256:
            raise InputError(
                f"{what} was judged beside {sides['champion']['sha256'][:16]}, but the champion is "
                f"now {champion.sha256[:16]}: judge it anew"
            )
        _require_file(one)
        self._rule(one.file, one.file.read_bytes())

    def _tell(self, what: str, one: Version, before: int | None, stage: Stage) -> None:
        details: dict[str, Any] = {"name": one.name, "version": one.number, "sha256": one.sha256}
        self._log.append(self._who, what, details | {"before": before, "stage": stage.value})


def _require_file(one: Version) -> None:
    try:
        digest = hashlib.sha256(one.file.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{one.file} cannot be read: {error.strerror}") from error
    if digest != one.sha256:
        raise InputError(f"{one.file} was changed since it was registered: its digest is another")
