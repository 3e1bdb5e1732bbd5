"""The rule on skips, tried in a pytest of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

def test_runs(): pass

@pytest.mark.skip("no printer")
def test_needs_a_printer(): pass

@pytest.mark.gpu
@pytest.mark.skip("no GPU")
def test_needs_a_gpu(): pass

@pytest.mark.xfail(reason="known")
def test_known_to_fail(): assert False
"""


KAFKA_SUITE = """
import pytest

@pytest.mark.kafka
@pytest.mark.parametrize("i", range(8))
def test_it(i, worker_id, request):
    (request.path.parent / f"worker-{worker_id}").touch()
"""


def run_suite(folder: Path, suite: str, ci: str, *argv: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  data\n  gpu\n  kafka\n")
    (folder / "test_it.py").write_text(suite)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", *argv, str(folder)],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_skip_in_ci_is_a_failure_that_names_test_and_reason(tmp_path: Path) -> None:
    run = run_suite(tmp_path, SUITE, ci="true")
    assert run.returncode == 1
    assert "test_needs_a_printer skipped in CI, where only GPU tests may" in run.stdout
    assert "no printer" in run.stdout
    assert "1 passed, 1 skipped, 1 xfailed, 1 error" in run.stdout.splitlines()[-1]


def test_a_skip_elsewhere_is_a_skip_with_its_reason(tmp_path: Path) -> None:
    run = run_suite(tmp_path, SUITE, ci="")
    assert run.returncode == 0
    assert "no printer" in run.stdout


@pytest.mark.parametrize(("ci", "code"), [("true", 2), ("", 5)])
def test_a_module_skipped_at_import_fails_in_ci_only(tmp_path: Path, ci: str, code: int) -> None:
    run = run_suite(tmp_path, "import pytest\npytest.importorskip('no_such_module')\n", ci)
    assert run.returncode == code


def test_the_tests_of_kafka_share_one_worker_and_so_one_broker(tmp_path: Path) -> None:
    run = run_suite(tmp_path, KAFKA_SUITE, "", "-n", "2", "--dist", "loadgroup")
    assert run.returncode == 0
    assert len(list(tmp_path.glob("worker-*"))) == 1
