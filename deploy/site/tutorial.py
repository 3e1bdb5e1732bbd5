"""Runs the commands of a page and puts their real output in: ``python -m deploy.site.tutorial``.

In a page every line ``$ COMMAND`` of a block of ``console`` is run, all of one page one after the
other in one empty folder, by bash; what it prints stands below it. A block with
``title="not run"`` is left as it is. ``$DATA`` is the folder of the databases.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

LIMIT_S = 900.0
"""Longest time of one command, s."""
MOST_LINES = 24
"""Most lines of an answer; the rest is told to be left out."""
MOST_CHARS = 160
"""Longest line."""
NOT_RUN = 'title="not run"'
"""Marks blocks that are not run."""

_BLOCK = re.compile(r"^```console(?P<about>[^\n]*)\n(?P<body>.*?)^```$", re.M | re.S)

Answer = Callable[[str], str]
"""Runs a command and returns what it printed."""


def commands_of(page: str, *, all_blocks: bool = False) -> list[str]:
    r"""Return the commands of a page, in order.

    Parameters
    ----------
    page : str
        Markdown.
    all_blocks : bool
        Also those that are not run.

    Examples
    --------
    >>> commands_of("```console\n$ vigil models\nqrs\n$ ls\n```")
    ['vigil models', 'ls']
    """
    found = []
    for block in _BLOCK.finditer(page):
        if all_blocks or NOT_RUN not in block["about"]:
            found += [line for line, _ in _steps(block["body"])]
    return found


def run_page(page: str, answer: Answer) -> str:
    r"""Return a page with the output of its commands.

    Examples
    --------
    >>> run_page("```console\n$ ls\nold\n```", lambda command: "new\n")
    '```console\n$ ls\nnew\n```'
    """

    def fill(block: re.Match[str]) -> str:
        if NOT_RUN in block["about"]:
            return block[0]
        parts = []
        for command, told in _steps(block["body"]):
            parts.append(told + _short(answer(command)))
        return f"```console{block['about']}\n{''.join(parts)}```"

    return _BLOCK.sub(fill, page)


def _steps(body: str) -> list[tuple[str, str]]:
    """Return the commands of a block, each with the lines that show it (a backslash goes on)."""
    found: list[tuple[str, str]] = []
    shown: list[str] = []
    for line in body.splitlines():
        if shown or line.startswith("$ "):
            shown.append(line)
            if not line.endswith("\\"):
                text = "\n".join(shown)
                found.append((text.removeprefix("$ "), text + "\n"))
                shown = []
    return found


def _short(output: str) -> str:
    """Cut an answer that nobody would read."""
    lines = [line[:MOST_CHARS].rstrip() for line in output.splitlines()]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"... {len(lines) - MOST_LINES} more lines"]
    return "".join(f"{line}\n" for line in lines)


def in_folder(folder: Path, data: Path) -> Answer:
    """Return what runs commands in a folder, with this Vigil first on the path."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATA": str(data),
        "VIGIL_DATA": str(data),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "110",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }

    def answer(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder, env=environment, timeout=LIMIT_S, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        print(f"$ {command}\n{done.stdout}", file=sys.stderr)
        if done.returncode not in (0, 1, 3):  # 1 and 3 are verdicts
            raise SystemExit(f"{command!r} ended with {done.returncode}")
        text = done.stdout.replace(str(data), "$DATA")
        return text + (f"(exit {done.returncode})\n" if done.returncode else "")

    return answer


def main() -> int:
    """Run the pages that are named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--keep", type=Path, help="folder to work in, and to keep")
    given = parser.parse_args()
    for path in given.pages:
        with tempfile.TemporaryDirectory(prefix="vigil-tutorial-") as folder:
            work = given.keep or Path(folder)
            work.mkdir(parents=True, exist_ok=True)
            path.write_text(run_page(path.read_text(), in_folder(work, given.data.resolve())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
