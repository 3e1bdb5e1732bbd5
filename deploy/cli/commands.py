"""The subcommands of ``vigil`` by name, each loaded only when it is called."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one subcommand stands and what it does."""

    module: str
    """Module that holds it."""
    attribute: str
    """Name of the function in that module."""
    help: str
    """One line for the list of commands."""

    def exists(self) -> bool:
        """Return whether the module is there; imports nothing but its folder."""
        return importlib.util.find_spec(self.module) is not None

    def load(self) -> Callable[..., Any]:
        """Import the module and return the function."""
        function: Callable[..., Any] = getattr(importlib.import_module(self.module), self.attribute)
        return function


COMMANDS = {
    "demo": Entry("deploy.cli.demo", "demo", "Watch several patients being monitored, live."),
    "score": Entry("deploy.cli.score", "score", "Find beats, episodes and alarms in records."),
    "replay": Entry("deploy.cli.replay", "replay", "Send records to Kafka as live streams."),
    "monitor": Entry("deploy.cli.monitor", "monitor", "Score streams from Kafka: the worker."),
    "gateway": Entry("deploy.cli.gateway", "gateway", "Take frames of devices to Kafka."),
    "console": Entry("deploy.cli.console", "console", "Serve the central station's page."),
    "archive": Entry("deploy.cli.archive", "archive", "Keep streams as Parquet; read them again."),
    "evaluate": Entry("deploy.cli.evaluate", "evaluate", "Compare beats with a reference (EC57)."),
    "dead-letters": Entry(
        "deploy.cli.dead_letters", "dead_letters", "Read what could not be read; send it again."
    ),
    "pseudonyms": Entry(
        "deploy.cli.pseudonyms", "pseudonyms", "Turn names into stream ids; rotate their keys."
    ),
    "audit-log": Entry("deploy.cli.audit_log", "audit_log", "Verify and seal an audit log."),
    "alarms": Entry("deploy.cli.alarms", "alarms", "Turn alarms into FHIR or HL7."),
    "models": Entry("deploy.cli.models", "models", "List and verify the models."),
    "feedback": Entry(
        "deploy.cli.feedback", "feedback", "Read what people said of alarms; make labels of it."
    ),
    "update": Entry("deploy.cli.update", "update", "Take signed releases of models, or go back."),
    "dataset": Entry("deploy.cli.dataset", "dataset", "Condition records once for many runs."),
    "retrain": Entry(
        "deploy.cli.retrain", "retrain", "Make a candidate model, judge it, sign what came of it."
    ),
    "train": Entry("deploy.cli.train", "train", "Fit models and export them as ONNX."),
    "adapt": Entry("deploy.cli.adapt", "adapt", "Make the beat model fit one patient."),
    "audit": Entry("deploy.cli.audit", "audit", "Audit how groups of patients fare."),
    "watch": Entry("deploy.cli.watch", "watch", "Watch alarms by group of patients, live."),
    "replay-alarm": Entry(
        "deploy.cli.replay_alarm", "replay_alarm", "Say a past alarm again and compare the bytes."
    ),
    "shadow": Entry("deploy.cli.shadow", "shadow", "Compare a candidate with what is in use."),
    "drift": Entry("deploy.cli.drift", "drift", "Watch signal, scores and alarms for drift."),
    "bench": Entry("deploy.cli.bench", "bench", "Measure speed, latency and memory."),
}
"""In the order of the help. An entry whose module does not exist yet is not offered."""

NESTED = {
    "models promote": Entry("deploy.cli.releases", "promote", "Put a model in use."),
    "models rollback": Entry("deploy.cli.releases", "rollback", "Put the one before in use again."),
    "models history": Entry("deploy.cli.releases", "history", "List versions and stages."),
}
"""Commands of two words, told in the help of their first."""


def help_text(docstring: str) -> str:
    r"""Turn a numpydoc docstring into the text of ``--help``.

    The summary and the description stay, the ``Examples`` section becomes a
    block that is not wrapped, every other section goes: options speak for themselves.

    Examples
    --------
    >>> text = "Score.\n\nParameters\n----------\nx : int\n\nExamples\n--------\n$ vigil score 100"
    >>> print(help_text(text).replace("\b", "<block>"))
    Score.
    <BLANKLINE>
    <block>
    Examples:
      $ vigil score 100
    """
    lines = inspect.cleandoc(docstring).splitlines()
    heads = [i for i in range(len(lines) - 1) if lines[i] and lines[i + 1] == "-" * len(lines[i])]
    text = "\n".join(lines[: heads[0]] if heads else lines).strip()
    for start, stop in zip(heads, [*heads[1:], len(lines)], strict=True):
        if lines[start] == "Examples":
            body = [f"  {line.strip()}" for line in lines[start + 2 : stop] if line.strip()]
            text += "\n\n\b\n" + "\n".join(["Examples:", *body])
    return text


def as_command(name: str, function: Callable[..., Any]) -> TyperCommand:
    """Make a subcommand of a function with typer's annotations."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name, help=help_text(function.__doc__ or ""))(function)
    command = typer.main.get_command(app)
    if not isinstance(command, TyperCommand):
        raise TypeError(f"{name} is a {type(command).__name__}, not a single command")
    return command


class LazyGroup(TyperGroup):
    """A group that imports a subcommand when it is called, never to list it."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands that exist."""
        return [name for name, entry in COMMANDS.items() if entry.exists()]

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        """Return a stand-in that knows the command's name and its line of help."""
        if cmd_name not in self.list_commands(ctx):
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name].help, rich_markup_mode=None)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Import the command that is called."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            entry = COMMANDS[name]
            if rest and f"{name} {rest[0]}" in NESTED:
                name, rest = f"{name} {rest[0]}", rest[1:]
                entry = NESTED[name]
            command = as_command(
                name, getattr(importlib.import_module(entry.module), entry.attribute)
            )
        return name, command, rest
