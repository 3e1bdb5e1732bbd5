"""What is kept of people's commands: who gave which, and whatever was refused, whole."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

from deploy.audit_log import AuditLog, check_key
from deploy.services.ownership import Ownership
from inference.annunciation import Command
from inference.annunciation.inputs import command_name
from ingest.dead_letters import encode_dead_letter
from ingest.errors import InputError
from ingest.kafka_commands import Message
from ingest.kafka_url import BrokerError
from ingest.secret_files import read_secret
from ingest.source import DeadLetter, Sink

REASON = "command"
"""Reason of dead letters that were commands."""

logger = logging.getLogger(__name__)


class CommandTrail:
    """Writes commands to the audit log before they are done, and refused ones as dead letters.

    Why somebody gave a command is not written here: it is free text, which may name a patient.

    Parameters
    ----------
    audit : AuditLog, optional
        Where who did what is written; None writes it nowhere.
    dead : Sink, optional
        Where refused commands go with their bytes; None: nowhere.
    topic : str
        Topic that the commands came from.
    owner : Ownership, optional
        Tells which commands this worker writes down; by default all.
    """

    def __init__(
        self,
        audit: AuditLog | None = None,
        dead: Sink | None = None,
        topic: str = "",
        owner: Ownership | None = None,
    ) -> None:
        self._audit, self._dead, self._topic, self._owner = audit, dead, topic, owner

    def is_ours(self, text: bytes, stream_id: str = "") -> bool:
        """Tell whether a command is this worker's to write down.

        Parameters
        ----------
        text : bytes
            The command, as it came.
        stream_id : str
            The stream that it is for; empty where that cannot be read.
        """
        if self._owner is None:
            return True
        if stream_id:
            return self._owner.of_stream(stream_id)
        number = text.partition_number if isinstance(text, Message) else 0
        return self._owner.of_message(number)

    def given(self, stream_id: str, command: Command, text: bytes = b"") -> None:
        """Write that a command was given, with its place in its topic.

        Raises
        ------
        OSError
            If it cannot be written: the command must not be done then.
        InputError
            If it does not say who in so many characters.
        """
        if self._audit is not None:
            details: dict[str, Any] = {"stream_id": stream_id}
            if isinstance(text, Message):
                details |= {"partition": text.partition_number, "offset": text.offset}
            self._audit.append(command.who, f"command.{command_name(command)}", details)

    def refused(self, text: bytes, error: InputError) -> str:
        """Keep a command that was not done; return a name of it for logs.

        Why it was refused stands in the dead letter only: it may quote what somebody wrote.
        """
        digest = hashlib.sha256(text).hexdigest()
        if self._audit is not None:
            self._audit.append("vigil", "command.refused", {"sha256": digest})
        if self._dead is not None:
            self._bury(self._dead, text, error)
        return f"SHA-256 {digest[:16]}"

    def _bury(self, dead: Sink, text: bytes, error: InputError) -> None:
        place = (text.partition_number, text.offset) if isinstance(text, Message) else (-1, -1)
        key = text.key if isinstance(text, Message) else b""
        letter = DeadLetter(bytes(text), REASON, str(error), self._topic, *place, key)
        try:
            dead.write(f"{self._topic}-{place[0]}", encode_dead_letter(letter))
            dead.flush()
        except BrokerError as broken:
            logger.error("a refused command is kept nowhere: %s", broken)

    def close(self) -> None:
        """Let all go."""
        if self._audit is not None:
            self._audit.append("vigil", "monitor.stop")
            self._audit.close()


def audit_key(key_file: Path | None) -> bytes | None:
    """Read the key of an audit log, where a file of one is named.

    Raises
    ------
    InputError
        If it cannot be used.
    """
    return None if key_file is None else check_key(read_secret(key_file, "audit.key_file"))


def open_audit_log(path: Path | None, key_file: Path | None) -> AuditLog | None:
    """Open the audit log that settings name; None where they name none.

    Raises
    ------
    InputError
        If it cannot be used, or was tampered with.
    """
    if path is None:
        if key_file is not None:
            raise InputError("settings: audit.key_file needs audit.log")
        return None
    log = AuditLog(path, key=audit_key(key_file))
    if log.torn:
        logger.warning("audit log %s: a torn last line was set aside", path)
    log.append("vigil", "monitor.start")
    return log
