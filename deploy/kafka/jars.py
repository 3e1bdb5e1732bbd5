"""Apache Kafka's jars: fetched once by Maven, and what keeps that from working."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

from ingest.errors import InputError

HERE = Path(__file__).parent
"""The folder with ``pom.xml``."""

FETCH_TIMEOUT_S = 280
"""How long Maven may take, s; the jars are some 45 MB."""


def why_not() -> str | None:
    """Say why Kafka cannot be started here, or None where it can."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if "java" in missing or (missing and not (HERE / "target" / "jars").is_dir()):
        return f"Apache Kafka needs Java 17 and Maven; not found: {', '.join(missing)}"
    return None


def jar_folder() -> Path:
    """Return the folder of the jars that ``pom.xml`` pins; Maven fills it the first time.

    Raises
    ------
    InputError
        If Java or Maven is missing, or Maven fails.
    """
    reason = why_not()
    if reason is not None:
        raise InputError(reason)
    return fetched(HERE)


def fetched(folder: Path) -> Path:
    """Return the folder of the jars that a folder's ``pom.xml`` pins; Maven fills it once.

    Raises
    ------
    InputError
        If Maven fails.
    """
    target = folder / "target"
    target.mkdir(exist_ok=True)
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may come here at once
        if _stale(folder):
            _fetch(folder)
    return target / "jars"


def _stale(folder: Path) -> bool:
    """Tell whether the jars are not there, or older than what pins them."""
    made = folder / "target" / "fetched"
    return not made.is_file() or made.stat().st_mtime < (folder / "pom.xml").stat().st_mtime


def _fetch(folder: Path) -> None:
    """Have Maven copy the jars."""
    target = folder / "target"
    shutil.rmtree(target / "jars", ignore_errors=True)
    done = subprocess.run(
        ["mvn", "--quiet", "--batch-mode", "package"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=FETCH_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise InputError(
            f"Maven could not fetch the jars of {folder}: {(done.stdout + done.stderr)[-800:]}"
        )
    (target / "fetched").touch()
