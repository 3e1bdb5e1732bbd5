"""One update from end to end: look, check, switch, watch, and take back what does not do.

Whatever happens in between, a power cut or a kill, services find a whole release: the one
before, or the new one that was checked. The next run then ends what was begun.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from deploy.audit_log import AuditLog
from deploy.security.models import SUFFIX
from deploy.security.signing import MOST_SIGNATURE_BYTES, PublicKeys
from deploy.update.checks import Service, why_not_usable
from deploy.update.manifest import MANIFEST, MOST_MANIFEST_BYTES, Release, read_release
from deploy.update.releases import Releases, State
from deploy.update.source import ReleaseSource
from ingest.errors import InputError

WHO = "vigil-update"
"""Who acts, in the audit log."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run."""

    result: str
    """``installed``, ``up-to-date``, ``held``, ``rolled-back`` or ``failed``."""
    current: int
    """Release in use; 0: the models that ship."""
    offered: int | None = None
    """Release that was offered."""
    why: str = ""
    """Why it is not in use."""

    @property
    def is_good(self) -> bool:
        """Whether nothing went wrong."""
        return self.result in ("installed", "up-to-date", "held")


@dataclass(slots=True)
class Updater:
    """Keeps one machine's models.

    Examples
    --------
    >>> import tempfile
    >>> Updater(Releases(Path(tempfile.mkdtemp())), ()).releases.current
    0
    """

    releases: Releases
    """Where they are."""
    keys: Sequence[Path]
    """PEM files of the public keys that are trusted."""
    service: Service = field(default_factory=Service)
    """What loads the models."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """The time."""
    check: Callable[[Path, Sequence[Path]], str | None] = why_not_usable
    """Says what is wrong with a folder of models."""

    def update(self, source: ReleaseSource) -> Outcome:
        """Take the release that a source offers, if it is newer and does.

        Raises
        ------
        InputError
            If it is refused: not signed, changed, expired, older than one that was taken, or its
            models do not do. What is in use stays.
        UnreachableError
            If the source does not answer.
        """
        with self.releases.claimed(), self._log() as log:
            before = self._end_what_was_begun(log)
            try:
                content = source.read(MANIFEST, MOST_MANIFEST_BYTES)
                signature = source.read(MANIFEST + SUFFIX, MOST_SIGNATURE_BYTES)
                release = read_release(content, signature, PublicKeys(self.keys))
                waiting = self._why_wait(release)
                if waiting is not None:
                    return waiting
                aside = self._stage(source, release, content, signature)
            except InputError as error:
                log.append(WHO, "update.refused", {"why": str(error)[:1000]})
                raise
            if before is not None and not before.is_good:
                logger.warning("an earlier update was taken back: %s", before.why)
            return self._switch(release, aside, log)

    def roll_back(self) -> Outcome:
        """Use the release before again, and take the one in use never again.

        Raises
        ------
        InputError
            If there is none before.
        """
        with self.releases.claimed(), self._log() as log:
            self._end_what_was_begun(log)
            number, state = self.releases.current, self.releases.state
            if number == 0 or number == state.previous:
                raise InputError("there is no release to go back from")
            return self._take_back(number, state.previous, "somebody asked for it", log)

    def _end_what_was_begun(self, log: AuditLog) -> Outcome | None:
        """End a switch that a run before did not."""
        state = self.releases.state
        if state.pending is None:
            return None
        if self.releases.current != state.pending:
            self.releases.note(pending=None)
            return None
        if state.pending in state.held:
            return self._take_back(state.pending, state.previous, "it was being taken back", log)
        log.append(WHO, "update.resumed", {"release": state.pending})
        return self._watch(state.pending, state.previous, log)

    def _why_wait(self, release: Release) -> Outcome | None:
        """Return what there is to say where nothing is to be done.

        Raises
        ------
        InputError
            If the release is older than one that was taken, or has expired.
        """
        state, current = self.releases.state, self.releases.current
        if release.number == current:
            return Outcome("up-to-date", current, release.number)
        if release.number in state.held:
            return Outcome("held", current, release.number, "it was taken back before")
        if release.number < state.highest:
            raise InputError(
                f"release {release.number} is older than {state.highest}, which was taken already"
            )
        if release.expires <= self.now():
            raise InputError(f"release {release.number} expired on {release.expires.isoformat()}")
        return None

    def _stage(
        self, source: ReleaseSource, release: Release, content: bytes, signature: bytes
    ) -> Path:
        """Fetch all files, compare their digests, store them aside and try the models."""
        files = {MANIFEST: content, MANIFEST + SUFFIX: signature}
        for each in release.files:
            found = source.read(each.name, each.size)
            if hashlib.sha256(found).hexdigest() != each.sha256:
                raise InputError(f"{each.name} is not the file that release {release.number} lists")
            files[each.name] = found
        aside = self.releases.stage(release.number, files)
        why = self.check(aside, self.keys)
        if why is not None:
            raise InputError(f"release {release.number} does not do: {why}")
        return aside

    def _switch(self, release: Release, aside: Path, log: AuditLog) -> Outcome:
        """Put a checked release to use, and watch."""
        number, before = release.number, self.releases.current
        self.releases.keep(number, aside)
        digests = {each.name: each.sha256[:16] for each in release.files}
        told = {"release": number, "before": before, "key": release.key, "files": digests}
        log.append(WHO, "update.begun", told)
        self.releases.note(pending=number, previous=before, highest=number)
        self.releases.use(number)
        return self._watch(number, before, log)

    def _watch(self, number: int, before: int, log: AuditLog) -> Outcome:
        """Start the service anew; keep the release where it becomes ready, else take it back."""
        why = self.service.why_not_ready()
        if why is not None:
            return self._take_back(number, before, why, log)
        log.append(WHO, "update.installed", {"release": number, "before": before})
        self.releases.note(pending=None)
        self.releases.prune()
        return Outcome("installed", number, number)

    def _take_back(self, number: int, before: int, why: str, log: AuditLog) -> Outcome:
        """Use the release before again."""
        log.append(WHO, "update.rolled-back", {"release": number, "to": before, "why": why[:1000]})
        state: State = self.releases.state
        held = tuple(dict.fromkeys((*state.held, number)))
        self.releases.note(held=held, pending=number)
        self.releases.use(before)
        worse = self.service.why_not_ready()
        self.releases.note(pending=None, previous=before)
        if worse is not None:
            log.append(WHO, "update.failed", {"release": before, "why": worse[:1000]})
            return Outcome("failed", before, number, f"{why}; and with {before}: {worse}")
        return Outcome("rolled-back", before, number, why)

    def _log(self) -> AuditLog:
        return AuditLog(self.releases.folder / "audit.jsonl")
