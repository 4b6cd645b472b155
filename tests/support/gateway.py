"""A loopback gateway in front of the emulator, whose weather a test chooses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import requests

from tests.support.emulated import Emulated

DRIP_SECONDS = 10.0


@dataclass(frozen=True)
class Weather:
    """How a request is answered instead of being passed on.

    :param status: HTTP status; 0: no answer.
    :param drips: whether the answer arrives byte by byte, one in ten seconds, from the first one on.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    drips: bool = False


class Gateway:
    """The emulator's Resource Manager under another port, in plain http. A context manager.

    :ivar weather: the answer to a request, by its method and path; None: the request is passed on.
    :ivar asked: method and path of all requests.
    """

    def __init__(self, emulated: Emulated) -> None:
        self.weather: Callable[[str, str], Weather | None] = lambda method, path: None
        self.asked: list[str] = []
        self.over = threading.Event()
        self.session = requests.Session()
        # Do not use the environment's proxies and authorities.
        self.session.trust_env = False
        self.session.verify = emulated.facts["ca_bundle"]
        self.target = emulated.facts["arm_endpoint"]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self.session.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, gateway: Gateway, *arguments: Any) -> None:
        self.gateway = gateway
        super().__init__(*arguments)

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.gateway.asked.append(f"{self.command} {self.path.partition('?')[0]}")
        weather = self.gateway.weather(self.command, self.path)
        if weather is None:
            self._pass_on(body)
        elif weather.drips:
            self._drip(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        elif not weather.status:
            self.gateway.over.wait()
            self.close_connection = True
        else:
            self._reply(weather.status, weather.headers, b'{"error": {"code": "Weather", "message": "bad"}}')

    do_GET = do_PUT = do_POST = _answer  # noqa: N815 (names of the standard library)

    def _pass_on(self, body: bytes) -> None:
        headers = {name: value for name, value in self.headers.items() if name != "Host"}
        answer = self.gateway.session.request(
            self.command, f"{self.gateway.target}{self.path}", headers=headers, data=body, timeout=60
        )
        kept = ("Content-Type", "Retry-After")
        headers = {name: value for name, value in answer.headers.items() if name in kept}
        self._reply(answer.status_code, headers, answer.content)

    def _reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, answer: bytes) -> None:
        self.close_connection = True
        for byte in answer:
            if self.gateway.over.wait(0):
                return
            try:
                self.wfile.write(bytes([byte]))
            except OSError:
                return
            self.gateway.over.wait(DRIP_SECONDS)

    def log_message(self, *arguments: Any) -> None:
        """Do not print to the terminal."""
