"""A TCP proxy on loopback that cuts connections, delays them, or holds them up."""

from __future__ import annotations

import asyncio
import contextlib
import threading

BLOCK_BYTES = 1 << 16
"""Most bytes passed on at once."""
DOWN_S = 0.3
"""How long a connection is kept whose other end is down, s."""


class TcpProxy:
    """Leads one port to another, as well or as badly as it is told.

    Parameters
    ----------
    port : int
        Port to listen on.
    target : int
        Port that connections are led to.

    Attributes
    ----------
    delay_s : float
        How long each block waits on its way, s.
    is_stalled : bool
        While True nothing passes, and nothing is closed.
    n_cut : int
        Connections that were cut.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port, self.target = port, target
        self.delay_s, self.is_stalled, self.n_cut = 0.0, False, 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{port}", daemon=True)

    def start(self) -> None:
        """Listen, on a thread of its own."""
        self._thread.start()
        self._up.wait(10)

    def cut(self) -> None:
        """Close every connection."""
        self._loop.call_soon_threadsafe(self._close_all)

    def stop(self) -> None:
        """Close everything."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port)
        )
        self._up.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:  # the broker is down
            await asyncio.sleep(DOWN_S)  # or clients that were let in come back at once, for ever
            writer.close()
            return
        ends = {writer, there[1]}
        self._writers |= ends
        try:
            await asyncio.wait(
                [
                    asyncio.ensure_future(self._pass_on(reader, there[1])),
                    asyncio.ensure_future(self._pass_on(there[0], writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._writers -= ends
            for end in ends:
                end.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while block := await reader.read(BLOCK_BYTES):
                if self.delay_s > 0:
                    await asyncio.sleep(self.delay_s)
                while self.is_stalled:
                    await asyncio.sleep(0.05)
                writer.write(block)
                await writer.drain()

    def _close_all(self) -> None:
        for writer in self._writers:
            self.n_cut += 1
            writer.transport.abort()
