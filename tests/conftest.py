"""What every test shares: the rule on skips, where the recordings are, and the Kafka group."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.brokers import kafka_cluster, no_long_pauses  # noqa: F401  # fixtures of all tests

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")

KAFKA_TIMEOUT_S = 300
"""A first test of a broker may wait for Maven to copy the jars."""


def data_folder() -> Path | None:
    """Return the folder of the public recordings: VIGIL_DATA, else ../shared/data, else None."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("VIGIL_DATA", beside))
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the public recordings, one sub-folder a database."""
    folder = data_folder()
    if folder is None:
        pytest.skip("no recordings: set VIGIL_DATA to their folder")
    return folder


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, and keep the tests of Kafka on one worker."""
    no_data = data_folder() is None
    no_gpu = shutil.which("nvidia-smi") is None
    for item in items:
        if no_data and item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip("no recordings: set VIGIL_DATA to their folder"))
        if no_gpu and item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip("no NVIDIA GPU"))
        if item.get_closest_marker("kafka"):
            item.add_marker(pytest.mark.xdist_group("kafka"))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(KAFKA_TIMEOUT_S))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """In CI, turn the skip of a test that is not a GPU test into a failure."""
    report = yield
    if (
        IN_CI
        and report.skipped
        and not hasattr(report, "wasxfail")
        and item.get_closest_marker("gpu") is None
    ):
        fail_skipped(report, item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    """In CI, turn the skip of a whole module into a failure."""
    report = yield
    if IN_CI and report.skipped:
        fail_skipped(report, collector.nodeid)
    return report


def fail_skipped(report: pytest.TestReport | pytest.CollectReport, nodeid: str) -> None:
    """Make a report of a skip one of a failure that names the test and the reason."""
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{nodeid} skipped in CI, where only GPU tests may: {why}"
