"""The wheel, built and installed into a clean virtual environment, holds what it should."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("ingest", "inference", "training", "fairness", "deploy")

DATA_SUFFIXES = (
    *(".proto", ".onnx", ".json", ".toml", ".md", ".j2", ".css"),
    *(".html", ".js", ".svg"),
)
"""What ships beside the code, wherever a package keeps it."""


def quiet_env() -> dict[str, str]:
    """Return this environment without what would put the source tree on a child's path."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}


def run(*argv: str | Path, cwd: Path) -> str:
    return subprocess.run(
        [str(a) for a in argv],
        cwd=cwd,
        env=quiet_env(),
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    ).stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of a fresh environment that holds the wheel.

    The dependencies come from the environment of the tests through a .pth line,
    which does not run that environment's own .pth files: its editable Vigil stays out.
    """
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet"),
        *("--no-deps", "--no-index", "--disable-pip-version-check", wheel),
        cwd=folder,
    )
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_every_package_comes_from_the_wheel(clean_python: Path, tmp_path: Path) -> None:
    code = (
        "import importlib, json; "
        f"print(json.dumps([importlib.import_module(p).__file__ for p in {PACKAGES!r}]))"
    )
    files = json.loads(run(clean_python, "-c", code, cwd=tmp_path))
    environment = clean_python.parents[1]
    assert [Path(f).relative_to(environment).parts[-2] for f in files] == list(PACKAGES)


def test_the_console_script_runs(clean_python: Path, tmp_path: Path) -> None:
    vigil = clean_python.with_name("vigil")
    assert "Usage: vigil" in run(vigil, "--help", cwd=tmp_path)
    assert run(vigil, "--version", cwd=tmp_path).startswith("vigil ")


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {n.split("/")[0] for n in names if ".dist-info" not in n} == set(PACKAGES)
    assert not [n for n in names if "__pycache__" in n or "/target/" in n]


def test_the_wheel_holds_every_data_file_of_the_packages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = run("git", "ls-files", *PACKAGES, cwd=ROOT).splitlines()
    wanted = {f for f in tracked if f.endswith(DATA_SUFFIXES)}
    assert {"ingest/frame.proto", "fairness/report/templates/report.html.j2"} <= wanted
    assert wanted <= names
