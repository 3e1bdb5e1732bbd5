"""Who may import whom, how long a file may be, and what a process loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("ingest", "inference", "training", "fairness", "deploy")

ALLOWED = {
    "ingest": {"ingest"},
    "inference": {"inference", "ingest"},
    "training": {"training", "inference", "ingest"},
    "fairness": {"fairness"},
    "deploy": set(PACKAGES),
}
"""Which of our packages each of them may import."""

BARRED = {
    "ingest": {"torch", "lightning", "scipy", "pandas"},
    "inference": {"torch", "lightning", "scipy", "pandas"},
    "training": set(),
    "fairness": {"torch", "lightning"},
    "deploy": {"torch", "lightning"},
}
"""Which libraries each of them must not import."""

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50


def source_files(package: str) -> Iterator[Path]:
    generated = ("_pb2.py", "_pb2.pyi")
    for path in sorted((ROOT / package).rglob("*.py")):
        if not path.name.endswith(generated) and "target" not in path.parts:
            yield path


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, top-level name) of every import, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, (node.module or "").split(".")[0]


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function's body, its docstring left out."""
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or first.lineno) - first.lineno + 1


def modules_loaded_by(code: str) -> set[str]:
    """Run ``code`` in a fresh interpreter and return the names in its ``sys.modules``."""
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(run.stdout.split())


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_follow_the_arrows(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in source_files(package)
        for line, name in imports_of(ast.parse(path.read_text()))
        if (name in PACKAGES and name not in ALLOWED[package]) or name in BARRED[package]
    ]
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_files_and_functions_are_short(package: str) -> None:
    wrong = []
    for path in source_files(package):
        text = path.read_text()
        if text.count("\n") > MAX_FILE_LINES:
            wrong.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        wrong += [
            f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {function_lines(node)} lines"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and function_lines(node) > MAX_FUNCTION_LINES
        ]
    assert not wrong


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for package in PACKAGES for path in source_files(package)}
    assert not [f for f in folders if not (f / "__init__.py").exists()]


def test_tests_of_one_name_cannot_shadow_a_package() -> None:
    folders = {
        path.parent for path in (ROOT / "tests").rglob("*.py") if "node_modules" not in path.parts
    }
    assert not [f for f in folders if not (f / "__init__.py").exists()]


def test_the_scorer_loads_neither_torch_nor_scipy_nor_pandas() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in source_files("inference")
        if path.name != "__init__.py"
    } | {"ingest.codec", "ingest.sequence", "ingest.memory", "deploy.http", "deploy.settings"}
    loaded = modules_loaded_by(f"import {', '.join(sorted(modules))}")
    assert modules <= loaded
    assert not loaded & {"torch", "scipy", "pandas", "wfdb", "matplotlib"}


def test_modules_loaded_by_sees_what_is_imported() -> None:
    assert "fractions" in modules_loaded_by("import fractions")
