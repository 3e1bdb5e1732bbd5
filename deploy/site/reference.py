"""Pages that are made of the code: the command line, settings, modules, cards, decisions."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typer.core import TyperCommand

    from deploy.cli.commands import Entry

PACKAGES = ("ingest", "inference", "training", "fairness", "deploy")
"""Packages whose modules are described."""
DEEPEST = {"ingest": 2, "inference": 2, "training": 1, "fairness": 1, "deploy": 1}
"""How many folders below each package are described, so that the page can be read."""


def pages(root: Path) -> dict[str, str]:
    """Make all generated pages, by their path below ``docs``.

    Parameters
    ----------
    root : Path
        The repository.
    """
    made = {"reference/cli.md": command_line(), "reference/settings.md": settings()}
    for package in PACKAGES:
        made[f"reference/{package}.md"] = modules(root, package)
    for card in sorted((root / "inference" / "models").glob("*.md")):
        made[f"models/{card.name}"] = card.read_text()
    made["adr/index.md"] = decisions(root)
    return made


def all_commands() -> dict[str, Entry]:
    """Return the subcommands and what stands below them, by the words that call them."""
    from deploy.cli.commands import COMMANDS, NESTED

    return COMMANDS | NESTED


def command_line() -> str:
    """Describe every subcommand as its ``--help`` does."""
    from deploy.cli.commands import as_command

    parts = ["# The command line\n\nMade of the commands; `vigil COMMAND --help` says the same.\n"]
    for name, entry in all_commands().items():
        if entry.exists():
            parts.append(_command(name, as_command(name, entry.load())))
    return "\n".join(parts)


def _command(name: str, command: TyperCommand) -> str:
    """Describe one subcommand."""
    text = (command.help or "").replace("\b\n", "")
    told, _, examples = text.partition("Examples:")
    rows = []
    for each in command.params:
        record = getattr(each, "help", "") or ""
        flags = ", ".join(f"`{o}`" for o in (*each.opts, *each.secondary_opts))
        shown = flags if each.param_type_name == "option" else f"`{(each.name or '').upper()}`"
        rows.append(f"| {shown} | {record.replace('|', chr(92) + '|')} | {_default(each)} |")
    lines = [
        f"## vigil {name}",
        "",
        told.strip(),
        "",
        "| option | for | default |",
        "|---|---|---|",
    ]
    lines += rows
    if examples:
        lines += [
            "",
            "```console",
            *(line.strip() for line in examples.strip().splitlines()),
            "```",
        ]
    return "\n".join([*lines, ""])


def _default(option: Any) -> str:
    value = option.default
    return "" if value in (None, "", [], False) or callable(value) else f"`{value}`"


def settings() -> str:
    """Describe the tables of the settings of worker and gateway."""
    from deploy.gateway_settings import GatewaySettings
    from deploy.settings import MonitorSettings

    parts = ["# Settings\n\nA key `[table] name` is `VIGIL_TABLE__NAME` in the environment.\n"]
    for title, kind in (("worker", MonitorSettings), ("gateway", GatewaySettings)):
        parts.append(f"## Of the {title}\n")
        for table, field in kind.model_fields.items():
            section: Any = field.annotation
            if not hasattr(section, "model_fields"):
                continue
            notes = _field_notes(section)
            parts += [f"### {title}: `[{table}]`\n", "| key | for | default |", "|---|---|---|"]
            for key, each in section.model_fields.items():
                shown = "" if each.default is None else f"`{each.default}`"
                if hasattr(type(each.default), "model_fields"):
                    shown = "a table"
                parts.append(f"| `{key}` | {notes.get(key, '')} | {shown} |")
            parts.append("")
    return "\n".join(parts)


def _field_notes(section: type) -> dict[str, str]:
    """Read the line under each field of a class."""
    import inspect
    import textwrap

    [body] = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    found: dict[str, str] = {}
    name = ""
    for each in body.body if isinstance(body, ast.ClassDef) else ():
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            name = each.target.id
        elif name and isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
            found[name] = " ".join(str(each.value.value).replace("``", "`").split())
            name = ""
    return found


def modules(root: Path, package: str) -> str:
    """List a package's public modules for mkdocstrings."""
    parts = [f"# {package}\n"]
    for path in sorted((root / package).rglob("*.py")):
        place = path.relative_to(root).with_suffix("")
        if _is_left_out(place, package):
            continue
        name = ".".join(place.parts)
        if _has_public(path):
            parts.append(f"::: {name}\n")
    return "\n".join(parts)


def _is_left_out(place: Path, package: str) -> bool:
    inner = place.parts[1:]
    hidden = place.name.startswith("_") or place.name.endswith("_pb2") or "target" in inner
    return hidden or len(inner) > DEEPEST[package] or "migrations" in inner


def _has_public(path: Path) -> bool:
    body = ast.parse(path.read_text()).body
    kinds = ast.ClassDef | ast.FunctionDef
    return any(isinstance(each, kinds) and not each.name.startswith("_") for each in body)


def decisions(root: Path) -> str:
    """List the decisions by number."""
    rows = ["# Decisions\n\nWhat was decided, what else was looked at, and what it costs.\n"]
    for path in sorted((root / "docs" / "adr").glob("0*.md")):
        title = path.read_text().splitlines()[0].lstrip("# ")
        rows.append(f"- [{title}]({path.name})")
    return "\n".join(rows) + "\n"
