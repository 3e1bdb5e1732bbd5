"""The root of the command line: what is offered, what is loaded, what each outcome exits with."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

import pytest
import typer

from deploy.cli import commands
from deploy.cli.commands import COMMANDS, Entry
from deploy.cli.main import run
from ingest.errors import InputError
from tests.test_layout import modules_loaded_by

HEAVY = {"numpy", "onnxruntime", "wfdb", "torch", "scipy", "pandas", "kafka", "google", "rich"}

RECORD = Annotated[str, typer.Argument(help="A record.")]
JSON = Annotated[bool, typer.Option("--json", help="One object for machines.")]


def probe(record: RECORD = "100", *, json: JSON = False) -> int | None:
    """Do what the record's name says.

    Parameters
    ----------
    record : str
        What to do.

    Examples
    --------
    $ vigil probe fine
    """
    if record == "bad":
        raise InputError("record bad: no such lead; it has MLII, V5")
    if record == "interrupt":
        raise KeyboardInterrupt
    if record == "exit":
        raise typer.Exit(3)
    if record == "bug":
        raise ZeroDivisionError
    return {"negative": 1}.get(record)


@pytest.fixture(autouse=True)
def offer_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("tests.deploy.probe")
    module.probe = probe  # type: ignore[attr-defined]
    module.__spec__ = commands.__spec__
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, "probe", Entry(module.__name__, "probe", "Try things."))
    monkeypatch.setitem(COMMANDS, "absent", Entry("deploy.cli.absent", "absent", "Not built."))


@pytest.mark.parametrize(
    ("record", "code"), [("fine", 0), ("negative", 1), ("exit", 3), ("bad", 2), ("interrupt", 130)]
)
def test_each_outcome_has_its_exit_code(record: str, code: int) -> None:
    assert run(["probe", record]) == code


def test_bad_input_is_told_in_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    run(["probe", "bad"])
    out, err = capsys.readouterr()
    assert (out, err) == ("", "vigil: record bad: no such lead; it has MLII, V5\n")


@pytest.mark.parametrize("argv", [["probe", "bad", "--json"], ["probe", "--wat", "--json"]])
def test_bad_input_and_bad_use_are_json_for_machines(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(argv) == 2
    assert json.loads(capsys.readouterr().out)["error"].keys() == {"type", "message"}


def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run(["probe", "bug"])


@pytest.mark.parametrize("argv", [["nope"], ["absent"], ["--nope"], ["probe", "a", "b"]])
def test_bad_use_exits_2(argv: list[str]) -> None:
    assert run(argv) == 2


def test_bad_use_of_a_command_points_at_that_commands_help(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(["probe", "--wat"])
    assert "See vigil probe --help." in capsys.readouterr().err


def test_an_unknown_log_level_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--log-level", "loud", "probe"]) == 2
    assert "'loud' is not one of debug, info" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["--help"]])
def test_help_lists_only_what_exists(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv) == 0
    listed = capsys.readouterr().out
    assert "Try things." in listed
    assert "absent" not in listed


def test_help_of_a_command_ends_with_its_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["probe", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Examples:\n    $ vigil probe fine" in shown
    assert "Parameters" not in shown


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_that_exists_has_help_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if COMMANDS[name].exists():
        assert run([name, "--help"]) == 0
        assert f"vigil {name}" in capsys.readouterr().out.split("Examples:")[1]


def test_start_loads_no_heavy_module() -> None:
    loaded = modules_loaded_by("from deploy.cli.main import run; run(['--help'])")
    assert not loaded & HEAVY


def test_help_is_there_at_once() -> None:
    vigil = Path(sys.executable).with_name("vigil")

    def cpu_s() -> float:
        """Return what one call costs; unlike the wall's, this clock is not slowed by neighbours."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([vigil, "--help"], check=True, capture_output=True, timeout=20)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu_s() for _ in range(3)) < 0.4


def test_nothing_is_told_of_the_use_of_models(tmp_path: Path) -> None:
    path = {"PATH": os.environ.get("PATH", "")}
    start = [sys.executable, "-c", "from deploy.cli import main; main()", "models"]
    home = {**path, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run(start, env=home, check=True, capture_output=True, timeout=60)

    assert not [found for found in tmp_path.rglob("*") if "onnxruntime" in found.name]
