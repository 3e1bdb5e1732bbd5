"""The command ``vigil pseudonyms``: keys of stream ids, and what a name is called under them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ingest.errors import InputError
from ingest.pseudonyms import read_keys, rotated

ACTIONS = ("of", "rotate")
MOST_NAMES = 100_000
"""Most names of one call."""


def pseudonyms(
    action: Annotated[str, typer.Argument(help="of or rotate.")],
    keys: Annotated[Path, typer.Argument(help="File of keys, ID HEX a line, the newest first.")],
    *,
    keep: Annotated[int, typer.Option(min=1, max=100, help="rotate: most keys that stay.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object a name.")] = False,
) -> None:
    """Turn names of beds or devices into stream ids, or begin to use a new key.

    of reads names from standard input, one a line, where no list of commands keeps them,
    and prints the pseudonyms that each has or had, the newest first. rotate puts a fresh
    key in front of the file, which it makes if it is not there. Streams that have begun
    keep their ids until they end.

    Examples
    --------
    $ vigil pseudonyms rotate keys.txt
    $ vigil pseudonyms of keys.txt < beds.txt
    """
    if action not in ACTIONS:
        raise InputError(f"{action!r} is unknown; known are {', '.join(ACTIONS)}")
    if action == "rotate":
        new = rotated(keys, keep=keep)
        typer.echo(json.dumps({"key": new}) if as_json else f"{keys}: new streams use {new}")
        return
    ring = read_keys(keys)
    for n, line in enumerate(sys.stdin):
        if n >= MOST_NAMES:
            raise InputError(f"more than {MOST_NAMES} names")
        name = line.rstrip("\n")
        if name:
            found = ring.all_of(name)
            typer.echo(json.dumps({"pseudonyms": found}) if as_json else " ".join(found))
