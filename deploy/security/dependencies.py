"""The audit of what Vigil stands on: ``python -m deploy.security.dependencies LOCK…``.

It works without other hosts: that every package of a lock is pinned to one version
and to the hashes of its files, that what is installed is what is locked, and that
each comes under a licence that was agreed on. It does not look for known
vulnerabilities or withdrawn versions, for which a database has to be asked.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

from ingest.errors import InputError

LICENCES = re.compile(
    r"\b(0BSD|Apache|BSD|CC0|EPL|ISC|LGPL|GNU Lesser|MIT|MPL|Mozilla|PSF|Python Software|Zlib|BSL|"
    r"Unlicense|HPND)",
    re.IGNORECASE,
)
"""Families of licences that packages of the lock may come under: permissive, or weak copyleft."""

NOT_CHECKED = "not checked: known vulnerabilities and withdrawn versions (no database is asked)"

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?==(?P<version>\S+)(?P<rest>.*)")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a lock."""

    name: str
    """Name, normalised."""
    version: str
    """Version."""
    n_hashes: int
    """Hashes of its files."""
    marked: bool
    """Whether it is for some platforms only."""


def read_lock(path: Path) -> list[Pin]:
    """Read a lock as ``uv pip compile --generate-hashes`` writes it.

    Raises
    ------
    InputError
        If it cannot be read, or a line is no pin.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"lock {path} cannot be read: {error.strerror}") from error
    pins = []
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = line.partition(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        found = _PIN.fullmatch(line)
        if found is None:
            raise InputError(f"lock {path}: {line[:80]!r} is not NAME==VERSION")
        rest = found["rest"]
        n_hashes = len(_HASH.findall(rest))
        pins.append(Pin(_normal(found["name"]), found["version"], n_hashes, ";" in rest))
    return pins


def complaints(pins: Sequence[Pin]) -> Iterator[str]:
    """Yield what is wrong with the packages of a lock, as they are installed here.

    Examples
    --------
    >>> list(complaints([Pin("numpy", "0.0.1", 0, False)]))[0]
    'numpy 0.0.1: no hash'
    """
    for pin in pins:
        told = f"{pin.name} {pin.version}"
        if pin.n_hashes == 0:
            yield f"{told}: no hash"
        try:
            here = version(pin.name)
        except PackageNotFoundError:
            if not pin.marked:
                yield f"{told}: not installed here, so its licence is not known"
            continue
        if here != pin.version and not pin.marked:
            yield f"{told}: {here} is installed"
        licence = licence_of(dict_of(pin.name))
        if not LICENCES.search(licence):
            yield f"{told}: licence {licence!r} is not agreed on"


def licence_of(told: Mapping[str, Sequence[str]]) -> str:
    """Return what a package's metadata says of its licence, the surest first.

    Examples
    --------
    >>> licence_of({"Classifier": ["License :: OSI Approved :: MIT License"]})
    'MIT License'
    """
    expression = told.get("License-Expression")
    if expression:
        return expression[0]
    classified = [
        text.rpartition("::")[2].strip()
        for text in told.get("Classifier", ())
        if text.startswith("License ::")
    ]
    if classified:
        return "; ".join(classified)
    return next(iter(told.get("License", ())), "")[:60]


def dict_of(name: str) -> dict[str, list[str]]:
    """Return the metadata of an installed package."""
    found = metadata(name)
    return {key: [str(each) for each in found.get_all(key) or ()] for key in set(found)}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit locks; return 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("locks", nargs="+", type=Path)
    bad = False
    for path in parser.parse_args(arguments).locks:
        try:
            pins = read_lock(path)
        except InputError as error:
            print(error, file=sys.stderr)
            return 2
        wrong = list(complaints(pins))
        bad |= bool(wrong)
        for text in wrong:
            print(f"{path}: {text}")
        print(f"{path}: {len(pins)} packages, {sum(pin.n_hashes for pin in pins)} hashes, "
              f"{len(wrong)} complaints; {NOT_CHECKED}")  # fmt: skip
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
