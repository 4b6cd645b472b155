"""A proxy that leads only to this machine: for names that cannot be resolved, and for network latency."""

from __future__ import annotations

import asyncio
import socket
import threading
from types import TracebackType
from typing import Self

CHUNK = 65536


class LoopbackProxy:
    """An HTTP proxy on loopback that supports only CONNECT. A context manager.

    It connects to 127.0.0.1 for every host.

    :param round_trip: seconds that it adds to each exchange, half of them on each way.
    """

    def __init__(self, round_trip: float = 0.0) -> None:
        self.asked: list[str] = []
        """``host:port`` of every tunnel that was requested."""
        self._delay = round_trip / 2
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner() as runner:  # its end cancels what is still being copied
            runner.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1")
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        if method != "CONNECT":
            writer.close()
            return
        self.asked.append(target)
        port = int(target.rpartition(":")[2])
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(
            self._copy(reader, writer.get_extra_info("socket"), there_writer),
            self._copy(there_reader, there_writer.get_extra_info("socket"), writer),
        )

    async def _copy(
        self, reader: asyncio.StreamReader, connection: socket.socket, writer: asyncio.StreamWriter
    ) -> None:
        """Forward each chunk ``delay`` after its arrival: latency does not reduce the bandwidth."""
        arrived: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)
        sending = asyncio.create_task(self._send(arrived, writer))
        try:
            while chunk := await reader.read(CHUNK):
                # urllib3 leaves Nagle's algorithm on for proxies: a delayed acknowledgement would delay
                # the rest of the request by 40 ms.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                await arrived.put((self._loop.time(), chunk))
        except ConnectionError:
            pass
        await arrived.put((self._loop.time(), b""))
        await sending

    async def _send(self, arrived: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                at, chunk = await arrived.get()
                if (pause := at + self._delay - self._loop.time()) > 0:
                    await asyncio.sleep(pause)
                if not chunk:
                    break
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            while (await arrived.get())[1]:  # the other side is gone: the reader must not wait for room
                pass
        finally:
            writer.close()
