"""Updates of models: what is taken, what is refused, what is taken back, and kills in between."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy import audit_log
from deploy.gateway_settings import GatewaySettings
from deploy.security.models import SUFFIX
from deploy.services.gateway_local import LocalMonitor, LocalOutlets
from deploy.update import FolderSource, HttpsSource, Releases, Updater, open_source, publish
from deploy.update.checks import Service, why_not_usable
from deploy.update.manifest import MANIFEST
from deploy.update.source import UnreachableError
from ingest.errors import InputError
from tests.certificates import Authority
from tests.deploy.security.test_model_signatures import make_key
from tests.deploy.update.places import https, make_release, own_model
from tests.onnx_models import write_windowed_model
from tests.records import vigil

Keys = tuple[Path, Path]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return make_key(tmp_path, "key")


@pytest.fixture
def updater(tmp_path: Path, keys: Keys) -> Updater:
    """One whose models are not run: that is tried apart."""
    return Updater(Releases(tmp_path / "here"), [keys[1]], check=lambda folder, trusted: None)


def in_use(releases: Releases) -> set[str]:
    """Names of the files that a service would see."""
    current = releases.folder / "current"
    return {path.name for path in current.iterdir()} if current.exists() else set()


def what_was_done(releases: Releases) -> list[str]:
    return [line.what for line in audit_log.read(releases.folder / "audit.jsonl")]


def test_a_release_comes_by_https_is_run_and_can_be_taken_back(tmp_path: Path, keys: Keys) -> None:
    """The command line as the guide has it, with the real checks."""
    authority = Authority(tmp_path / "ca")
    pair = authority.issue("models", ("127.0.0.1",))
    place, here = tmp_path / "place", tmp_path / "here"
    wanted = ("--model", own_model(tmp_path / "m", 1), "--key", keys[0], "--number", 7)
    assert vigil("update", "--publish", place, *wanted).returncode == 0
    with https(place, pair) as address:
        given = ("update", address, "--into", here, "--trust", keys[1], "--json")
        stranger = vigil(*given)
        assert stranger.returncode == 1
        assert "CERTIFICATE_VERIFY_FAILED" in json.loads(stranger.stdout)["why"]
        done = vigil(*given, "--ca", authority.ca)
        assert (done.returncode, json.loads(done.stdout)["result"]) == (0, "installed"), done
    assert "qrs.onnx" in in_use(Releases(here))
    back = vigil("update", "--rollback", "--into", here)
    assert (back.returncode, in_use(Releases(here))) == (0, set()), back
    assert "the models that ship in use" in back.stdout
    assert what_was_done(Releases(here))[1:] == [
        "update.begun", "update.installed", "update.rolled-back",
    ]  # fmt: skip


def _tamper_model(folder: Path, keys: Keys) -> None:
    path = folder / "qrs.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def _tamper_manifest(folder: Path, keys: Keys) -> None:
    path = folder / MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"number":2', b'"number":9'))


def _unsign(folder: Path, keys: Keys) -> None:
    (folder / (MANIFEST + SUFFIX)).write_text("{}")


def _sign_by_another(folder: Path, keys: Keys) -> None:
    other, _ = make_key(folder.parent, "other")
    publish(folder, [own_model(folder.parent / "m2", 2)], other, 2, days=1)


def _sign_a_model_in_its_place(folder: Path, keys: Keys) -> None:
    shutil.copy(folder / "qrs.onnx.sig", folder / (MANIFEST + SUFFIX))


def _lengthen(folder: Path, keys: Keys) -> None:
    with (folder / "qrs.onnx").open("ab") as file:
        file.write(b"x")


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (_tamper_model, "is not the file that release 2 lists"),
        (_tamper_manifest, "was changed since it was signed"),
        (_unsign, "is not of the form"),
        (_sign_by_another, "a key that is not trusted"),
        (_sign_a_model_in_its_place, "is not one of a release"),
        (_lengthen, "is longer than"),
    ],
)
def test_what_was_tampered_with_is_refused_and_told(
    harm: Callable[[Path, Keys], None], why: str, tmp_path: Path, keys: Keys, updater: Updater
) -> None:
    assert updater.update(FolderSource(make_release(tmp_path, keys[0], 1))).is_good
    folder = make_release(tmp_path, keys[0], 2)
    harm(folder, keys)
    with pytest.raises(InputError, match=why):
        updater.update(FolderSource(folder))
    assert updater.releases.current == 1
    assert what_was_done(updater.releases)[-1] == "update.refused"


def test_an_older_release_is_refused_though_it_was_once_good(
    tmp_path: Path, keys: Keys, updater: Updater
) -> None:
    first, second = (FolderSource(make_release(tmp_path, keys[0], n)) for n in (1, 2))
    assert updater.update(second).current == 2
    with pytest.raises(InputError, match="release 1 is older than 2"):
        updater.update(first)
    assert updater.update(second).result == "up-to-date"


def test_an_expired_release_is_refused(tmp_path: Path, keys: Keys, updater: Updater) -> None:
    source = FolderSource(make_release(tmp_path, keys[0], 1, days=1))
    updater.now = lambda: datetime.now(UTC) + timedelta(days=2)
    with pytest.raises(InputError, match="expired"):
        updater.update(source)


def test_only_https_or_a_folder_and_nobody_elsewhere(tmp_path: Path, keys: Keys) -> None:
    for place in ("http://models.example/ward", "https://user:word@models.example", "ftp://x/y"):
        with pytest.raises(InputError, match="https://HOST/FOLDER or a folder"):
            open_source(place)
    authority = Authority(tmp_path / "ca")
    make_release(tmp_path, keys[0], 1)
    with https(tmp_path / "r1", authority.issue("models", ("127.0.0.1",))) as address:
        assert HttpsSource(address, authority.ca).read(MANIFEST, 1 << 16)
        with pytest.raises(UnreachableError, match="302"):
            HttpsSource(f"{address}/moved", authority.ca).read(MANIFEST, 1 << 16)
    elsewhere = authority.issue("elsewhere", ("192.0.2.1",))
    with (
        https(tmp_path / "r1", elsewhere) as address,
        pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        HttpsSource(address, authority.ca).read(MANIFEST, 1 << 16)


def test_models_that_do_not_do_are_refused_before_the_switch(tmp_path: Path, keys: Keys) -> None:
    bad = write_windowed_model(tmp_path / "neighbours.onnx", sees_its_neighbours=True)
    publish(tmp_path / "bad", [bad], keys[0], 1, days=1)
    real = Updater(Releases(tmp_path / "here"), [keys[1]], check=why_not_usable)
    with pytest.raises(InputError, match=r"neighbours\.onnx .* differ in batches"):
        real.update(FolderSource(tmp_path / "bad"))
    assert real.releases.current == 0
    deaf = tmp_path / "deaf"
    publish(deaf, [_deaf(tmp_path)], keys[0], 1, days=1)
    with pytest.raises(InputError, match="simulated beats 0 were found"):
        real.update(FolderSource(deaf))


def _deaf(folder: Path) -> Path:
    """The shipped detector with a threshold that nothing reaches."""
    import onnx

    loaded = onnx.load(str(own_model(folder / "deaf-model", 1)))
    for entry in loaded.metadata_props:
        if entry.key == "thresholds":
            entry.value = json.dumps(dict.fromkeys(json.loads(entry.value), 0.999999))
    path = folder / "deaf-model" / "deaf.onnx"
    onnx.save(loaded, str(path))
    return path


@contextmanager
def service(releases: Releases, *, bad: set[int]) -> Iterator[Service]:
    """A service that is ready unless it has a bad release; ``restart`` lets it look anew."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if releases.current in bad else 200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        ready = f"http://127.0.0.1:{server.server_port}/readyz"
        yield Service(f"{sys.executable} -c pass", ready, limit_s=2.0, settle_s=0.3)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_does_not_become_ready_is_taken_back_and_never_taken_again(
    tmp_path: Path, keys: Keys, updater: Updater
) -> None:
    places = {n: FolderSource(make_release(tmp_path, keys[0], n)) for n in (1, 2, 3)}
    with service(updater.releases, bad={2}) as updater.service:
        assert updater.update(places[1]).result == "installed"
        outcome = updater.update(places[2])
        assert (outcome.result, outcome.current) == ("rolled-back", 1)
        assert "not ready within 2 s" in outcome.why
        assert updater.update(places[2]).result == "held"
        assert updater.update(places[3]).result == "installed"
    assert "update.rolled-back" in what_was_done(updater.releases)


def test_a_service_that_cannot_be_started_anew_gets_its_release_back(
    tmp_path: Path, keys: Keys, updater: Updater
) -> None:
    updater.service = Service(f"{sys.executable} -c 'raise SystemExit(3)'")
    outcome = updater.update(FolderSource(make_release(tmp_path, keys[0], 1)))
    assert (outcome.result, outcome.current) == ("failed", 0)
    assert "exit 3" in outcome.why


STEPS = (
    (os, "fsync"), (Path, "replace"), (Path, "rename"), (Path, "symlink_to"), (Path, "unlink"),
    (Path, "mkdir"), (shutil, "rmtree"),
)  # fmt: skip
"""What changes the disk."""


def _killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do work in a process that kills itself right before its n-th change of the disk."""
    pid = os.fork()
    if pid == 0:
        left = step

        def counting(inner: Callable[..., object]) -> Callable[..., object]:
            def count(*args: object, **kwargs: object) -> object:
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return inner(*args, **kwargs)

            return count

        for place, name in STEPS:
            setattr(place, name, counting(getattr(place, name)))
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("bad", [set(), {2}], ids=["it does", "it does not"])
def test_killed_at_any_step_a_whole_release_is_in_use_and_the_next_run_ends_it(
    bad: set[int], tmp_path: Path, keys: Keys
) -> None:
    folders = {n: make_release(tmp_path, keys[0], n) for n in (1, 2)}
    whole = {n: {p.name: p.read_bytes() for p in f.iterdir()} for n, f in folders.items()}
    found = set()
    for step in range(1, 200):
        here = tmp_path / f"here{step}"
        made = Updater(Releases(here), [keys[1]], Watch(here, bad), check=lambda *_: None)
        assert made.update(FolderSource(folders[1])).result == "installed"
        killed = _killed_at(step, lambda: made.update(FolderSource(folders[2])))  # noqa: B023
        current = made.releases.current
        seen = {p.name: p.read_bytes() for p in (here / "current").iterdir()}
        assert seen == whole[current], f"step {step}"
        made.update(FolderSource(folders[2]))
        assert made.releases.current == (1 if bad else 2), f"step {step}"
        assert made.releases.state.pending is None
        assert audit_log.verify(here / "audit.jsonl").torn == b""
        found.add(current)
        shutil.rmtree(here)
        if not killed:
            break
    else:
        pytest.fail("the update never came to its end")
    assert step > 15
    assert found == {1, 2}


class Watch:
    """Stands for a service that is not ready with some releases."""

    def __init__(self, here: Path, bad: set[int]) -> None:
        self._here, self._bad = here, bad

    def why_not_ready(self) -> str | None:
        return "it is not" if Releases(self._here).current in self._bad else None


def test_two_updates_at_once_are_refused(tmp_path: Path, keys: Keys, updater: Updater) -> None:
    source = FolderSource(make_release(tmp_path, keys[0], 1))
    with updater.releases.claimed(), pytest.raises(InputError, match="another update works"):
        updater.update(source)


def test_the_gateway_scores_with_the_release_in_use_and_refuses_a_changed_one(
    tmp_path: Path, keys: Keys, updater: Updater
) -> None:
    from prometheus_client import CollectorRegistry

    updater.update(FolderSource(make_release(tmp_path, keys[0], 1)))
    models = {"folder": updater.releases.folder / "current", "trusted_keys": [keys[1]]}
    settings = GatewaySettings(models=models)  # type: ignore[arg-type]
    outlets = LocalOutlets([], [].append, lambda: False)
    LocalMonitor(settings, outlets, CollectorRegistry())
    with (models["folder"] / "qrs.onnx").open("ab") as file:  # type: ignore[operator]
        file.write(b"x")
    with pytest.raises(InputError, match="was changed since it was signed"):
        LocalMonitor(settings, outlets, CollectorRegistry())
