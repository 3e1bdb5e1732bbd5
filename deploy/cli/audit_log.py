"""The command ``vigil audit-log``: whether a log is as it was written, and seals for later."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from deploy import audit_log as log
from deploy.security.checkpoints import seal, verify_sealed
from deploy.security.signing import PublicKeys, read_signature
from ingest.errors import InputError
from ingest.secret_files import read_secret

ACTIONS = ("verify", "checkpoint")
TAMPERED = 1
"""Exit code where a log was changed."""

logger = logging.getLogger(__name__)


def audit_log(
    action: Annotated[str, typer.Argument(help="verify or checkpoint.")],
    file: Annotated[Path, typer.Argument(help="The audit log, JSON lines.")],
    *,
    key_file: Annotated[
        Path | None, typer.Option(help="File with the key that the log was begun with, if any.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="verify: a checkpoint that was kept elsewhere.")
    ] = None,
    trust: Annotated[
        list[Path] | None, typer.Option(help="verify: public key (PEM) of the checkpoint.")
    ] = None,
    sign: Annotated[
        Path | None, typer.Option(help="checkpoint: Ed25519 private key (PEM) to sign with.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> int:
    """Verify that no line of an audit log was changed, moved, put in or taken out.

    Lines cut off at the end, and a log made anew, are seen with a checkpoint only: make
    one now and then and keep it where whoever could change the log has no access. The
    exit code is 1 where the log was tampered with.

    Examples
    --------
    $ vigil audit-log checkpoint audit.jsonl --sign key.pem > monday.json
    $ vigil audit-log verify audit.jsonl --checkpoint monday.json --trust public.pem
    """
    if action not in ACTIONS:
        raise InputError(f"{action!r} is unknown; known are {', '.join(ACTIONS)}")
    key = None if key_file is None else log.check_key(read_secret(key_file, "audit.key_file"))
    if action == "checkpoint":
        if sign is None:
            raise InputError("checkpoint needs --sign KEY")
        typer.echo(json.dumps(seal(file, sign, key)))
        return 0
    if (checkpoint is None) != (not trust):
        raise InputError("--checkpoint and --trust go together")
    try:
        if checkpoint is None:
            found = log.verify(file, key)
        else:
            told = read_signature(checkpoint, "the checkpoint")
            found = verify_sealed(file, told, PublicKeys(trust or ()), key)
    except log.TamperedError as error:
        logger.error("%s", error)
        typer.echo(json.dumps({"whole": False, "why": str(error)}) if as_json else f"NO: {error}")
        return TAMPERED
    told = {"whole": True, "lines": found.n_lines, "hash": found.last_hash}
    torn = " (a torn last line is not counted)" if found.torn else ""
    typer.echo(json.dumps(told) if as_json else f"whole: {found.n_lines} lines{torn}")
    return 0
