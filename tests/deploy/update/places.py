"""Releases for tests: keys, models of two releases, and a server of HTTPS that hands them out."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from deploy.update import publish
from inference import model
from tests.certificates import Pair


def own_model(folder: Path, number: int, name: str = "qrs") -> Path:
    """A shipped model with an unknown field behind, so that each release's bytes differ."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    path.write_bytes(model.builtin(name).read_bytes() + b"\xb2\x1f\x01" + bytes([64 + number]))
    return path


def make_release(place: Path, key: Path, number: int, *, days: float = 1.0) -> Path:
    """Publish a release of one model into a folder of its own below ``place``."""
    folder = place / f"r{number}"
    publish(folder, [own_model(place / f"m{number}", number)], key, number, days=days)
    return folder


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/moved"))
            self.end_headers()
            return
        super().do_GET()


@contextmanager
def https(folder: Path, pair: Pair) -> Iterator[str]:
    """Serve a folder by HTTPS on a free port; yields its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
