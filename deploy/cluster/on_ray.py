"""Parts on a Ray cluster: one that is there, or one that is started here and stopped again.

Ray begins a part again where its worker or its machine was lost. Whoever reaches a Ray cluster
runs what they like on it. So the one that is started here lets in only who knows a token, drawn
for it; it has no dashboard, and reports to nobody.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deploy.cluster.executor import TRIES, Advance, Part, lost
from ingest.errors import InputError

PACKAGE = "vigil-ecg"
STORE_BYTES = 128 << 20
"""Memory of a local cluster's object store, bytes: arguments and summaries are small."""
PARTS_A_CORE = 4
"""Parts that each core of a cluster does one after another."""
START_S = 300.0
"""How long a cluster that is started here may take, s: Ray's own half minute does not do on a
machine that is busy, and it has no setting."""
PATIENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_gcs_server_port_wait_time_s": "120",
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_agent_register_timeout_ms": "300000",
}
"""What Ray reads when it is loaded: no reports to its maker, and time to start."""
POLL_S = 1.0
"""How long to wait for a part before looking again, s."""


class RayExecutor:
    """Does parts as tasks of the cluster that this process is connected to."""

    @property
    def n_parts(self) -> int:
        """Several a core of the cluster: so little is done again where a worker is lost."""
        import ray

        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        return PARTS_A_CORE * max(1, int(resources.get("CPU", 1)))

    def run(
        self, function: Callable[..., Any], parts: Sequence[Part], advance: Advance
    ) -> Iterator[tuple[int, Any]]:
        """Do parts, as :meth:`deploy.cluster.executor.Executor.run`.

        A part counts as progress when it is done: what a lost worker had told would count twice.
        """
        import ray

        task = ray.remote(num_cpus=1, max_retries=TRIES - 1)(_task)
        here = version(PACKAGE), str(Path.cwd())
        numbers = {
            task.options(name=part.label).remote(*here, function, part.arguments): n
            for n, part in enumerate(parts)
        }
        waiting = list(numbers)
        try:
            while waiting:
                done, waiting = ray.wait(waiting, timeout=POLL_S)
                for each in done:
                    number = numbers[each]
                    result = _result(each, parts[number])
                    advance(parts[number].size)
                    yield number, result
        finally:
            for each in waiting:
                ray.cancel(each, force=True)


def _result(done: Any, part: Part) -> Any:
    """Return what a part gave, or raise what it raised itself."""
    import ray

    try:
        return ray.get(done)
    except ray.exceptions.RayTaskError as error:
        cause = getattr(error, "cause", None)
        raise cause if isinstance(cause, Exception) else error from error
    except (
        ray.exceptions.WorkerCrashedError,
        ray.exceptions.NodeDiedError,
        ray.exceptions.OutOfMemoryError,
    ) as error:
        raise lost([part.label]) from error


def _task(ours: str, folder: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Do one part in a worker of the cluster, in the folder that the command was given in."""
    theirs = version(PACKAGE)
    if theirs != ours:
        raise InputError(f"a worker has {PACKAGE} {theirs}; allowed: {ours}, as here")
    try:
        os.chdir(folder)
    except OSError as error:
        raise InputError(
            f"a worker has no {folder}: the machines of a cluster must share it, and what is named"
        ) from error
    return function(*arguments, _tell_nobody)


def _tell_nobody(done: float) -> None:
    """Take progress within a part."""


@contextmanager
def ray_executor(n_jobs: int, cluster: str | None) -> Iterator[RayExecutor]:
    """Connect to a cluster, or start one here; parameters as for ``open_executor``.

    Raises
    ------
    ingest.errors.InputError
        If Ray is not installed, or there is no such cluster.
    """
    for name, value in PATIENT.items():
        os.environ.setdefault(name, value)
    address = cluster or os.environ.get("RAY_ADDRESS")
    if address is None and "ray" not in sys.modules:  # which reads them when it is loaded
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
    except ModuleNotFoundError as error:
        raise InputError(f"--on ray needs {error.name}: install vigil-ecg[cluster]") from error
    shared: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    with tempfile.TemporaryDirectory(prefix="vigil-ray-", ignore_cleanup_errors=True) as folder:
        if address is None:
            shared |= {
                "num_cpus": n_jobs,
                "num_gpus": 0,
                "include_dashboard": False,
                "object_store_memory": STORE_BYTES,
                "_temp_dir": folder,
                "_node_ip_address": "127.0.0.1",
            }
        _connect(address, shared)
        try:
            yield RayExecutor()
        finally:
            ray.shutdown()


def _connect(address: str | None, shared: dict[str, Any]) -> None:
    """Connect to a cluster, or start one here.

    Raises
    ------
    ingest.errors.InputError
        With what Ray says.
    """
    import ray

    try:
        with _time_to_start():
            ray.init(address=address or "local", **shared)
    except Exception as error:  # a start that took too long is a plain one
        reason = str(error).splitlines()[0]
        raise InputError(f"no Ray cluster at {address or 'this machine'}: {reason}") from error


@contextmanager
def _time_to_start() -> Iterator[None]:
    """Ask again and again for the node that is being started, before Ray gives it up."""
    from ray._private import services

    ask = services.get_node

    def patiently(*arguments: Any, **named: Any) -> Any:
        until = time.monotonic() + START_S
        while True:
            try:
                return ask(*arguments, **named)  # type: ignore[no-untyped-call]
            except RuntimeError:
                if time.monotonic() > until:
                    raise
            time.sleep(POLL_S)

    services.get_node = patiently
    try:
        yield
    finally:
        services.get_node = ask
