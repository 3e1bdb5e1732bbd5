"""One Ray cluster of this machine for the tests that ask for one: to start it takes seconds."""

from __future__ import annotations

import gc
import os
import subprocess
from collections.abc import Iterator

import pytest

from deploy.cluster.executor import Executor, open_executor


@pytest.fixture(scope="session")
def on_ray() -> Iterator[Executor]:
    """Lend two workers of a Ray cluster that lets in who knows its token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with open_executor("ray", 2) as executor:
            assert os.environ["RAY_AUTH_MODE"] == "token"
            yield executor
        _reap()


def _reap() -> None:
    """Wait for what Ray has stopped: it does not, and a process not waited for is a warning."""
    for each in gc.get_objects():
        if type(each) is subprocess.Popen and each.returncode is None:
            each.wait(timeout=120)
