"""A real HTTP server on loopback that answers, fails, hangs, drips or cuts, as it is told."""

import socket
import threading
import time


class Receiver:
    """Takes POSTs; ``plan`` says how each is answered, the last for all that follow.

    An answer is a status, a (status, headers) pair, or a word: ``"hang"``,
    ``"drip"`` (a byte now and then, for ever), ``"cut"`` (closes without an
    answer), ``"garbage"``.
    """

    def __init__(self, *plan):
        self.plan = list(plan) or [204]
        self.requests = []  # (headers, body)
        self._stop = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/alarms?ward=3"

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
        self._socket.close()

    def _accept(self):
        while not self._stop.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            self._answer(connection)

    def _answer(self, connection):
        with connection:
            connection.settimeout(2)
            try:
                headers, body = self._read(connection)
            except OSError:
                return
            self.requests.append((headers, body))
            answer = self.plan.pop(0) if len(self.plan) > 1 else self.plan[0]
            try:
                self._act(connection, answer)
            except OSError:
                return

    def _act(self, connection, answer):
        if answer == "hang":
            connection.recv(1)
        elif answer == "drip":
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not self._stop.is_set():
                connection.sendall(b"X-")
                time.sleep(0.05)
        elif answer == "garbage":
            connection.sendall(b"\x00\x01 this is no HTTP\r\n\r\n")
        elif answer != "cut":
            status, more = answer if isinstance(answer, tuple) else (answer, {})
            lines = [f"HTTP/1.1 {status} so", "Content-Length: 0"]
            lines += [f"{key}: {value}" for key, value in more.items()]
            connection.sendall("\r\n".join([*lines, "", ""]).encode())

    @staticmethod
    def _read(connection):
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536) or b"\r\n\r\n"
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {"request": lines[0]}
        headers |= {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in lines[1:])}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        return headers, body
