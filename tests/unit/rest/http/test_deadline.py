"""Whatever is asked within a deadline is over by then: servers on this machine that drip, or never answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from airflow_provider_amlrest.rest import AsyncAzureMLClient, AzureMLClient, WorkspaceId
from airflow_provider_amlrest.rest.http.cloud import Cloud, custom_cloud
from airflow_provider_amlrest.rest.http.deadline import in_time, seconds_left
from airflow_provider_amlrest.rest.http.errors import ServiceError, UnreachableError

WORKSPACE = WorkspaceId("00000000-0000-0000-0000-000000000001", "g", "w")
PATIENCE = 30.0
"""Seconds within which something must be over that has a second for it; without a bound it takes minutes."""


class Server:
    """Answers each connection in its way, and counts them."""

    def __init__(self, answer: Callable[[socket.socket, threading.Event], None]) -> None:
        self.over = threading.Event()
        self.connections = 0
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.cloud = custom_cloud(f"http://127.0.0.1:{self._socket.getsockname()[1]}", "https://localhost:1")
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection, self.over), daemon=True).start()

    def close(self) -> None:
        self.over.set()
        self._socket.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


def drip(connection: socket.socket, at_once: bytes, slowly: bytes, over: threading.Event) -> None:
    connection.recv(65536)
    try:
        connection.sendall(at_once)
        for byte in slowly:
            if over.wait(0.2):
                return
            connection.sendall(bytes([byte]))
    except OSError:
        return


def stay_silent(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    over.wait()
    connection.close()


WAYS: dict[str, Callable[[socket.socket, threading.Event], None]] = {
    "silence": stay_silent,
    "head in drips": lambda connection, over: drip(connection, b"", HEAD + b" " * 1000, over),
    "body in drips": lambda connection, over: drip(connection, HEAD, b" " * 1000, over),
}


@pytest.fixture(params=WAYS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(WAYS[request.param])
    yield server
    server.close()


class Credential:
    """Gives a token, after a while."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = threading.Event(), pause

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        event, seconds = self.pause
        event.wait(seconds)
        return AccessToken("t", int(time.time()) + 3600)


class AsyncCredential:
    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken("t", int(time.time()) + 3600)


def test_a_request_ends_at_the_deadline(server: Server) -> None:
    began = time.monotonic()
    with AzureMLClient(Credential(), WORKSPACE, cloud=server.cloud) as client, client.until(time.time() + 1):
        with pytest.raises(UnreachableError, match="No answer to GET jobs/j"):
            client.get_job("j")
        with pytest.raises(UnreachableError, match="its time was over before it was sent"):
            client.get_job("j")
    assert time.monotonic() - began < PATIENCE
    assert server.connections == 1


def test_a_cancel_with_patience_ends_with_it(server: Server) -> None:
    began = time.monotonic()
    with (
        AzureMLClient(Credential(), WORKSPACE, cloud=server.cloud) as client,
        pytest.raises(UnreachableError),
    ):
        client.cancel_job("j", patience=1)
    assert time.monotonic() - began < PATIENCE


async def test_so_it_does_in_an_event_loop(server: Server) -> None:
    began = time.monotonic()
    async with AsyncAzureMLClient(AsyncCredential(), WORKSPACE, cloud=server.cloud) as client:
        with pytest.raises(UnreachableError, match="No answer to POST jobs/j/cancel"):
            await client.cancel_job("j", patience=1)
    assert time.monotonic() - began < PATIENCE


def test_a_token_has_to_come_in_time(nobody: Cloud) -> None:
    credential = Credential(pause=2 * PATIENCE)
    began = time.monotonic()
    with AzureMLClient(credential, WORKSPACE, cloud=nobody) as client, client.until(time.time() + 0.5):  # noqa: SIM117
        with pytest.raises(UnreachableError, match=r"it took longer than 0\.\d+ s"):
            client.get_job("j")
    assert time.monotonic() - began < PATIENCE
    credential.pause[0].set()


@pytest.fixture
def nobody() -> Cloud:
    """Endpoints where nobody listens."""
    return custom_cloud("http://127.0.0.1:9", "https://localhost:1")


def refuse(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 503 Busy\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n")
    connection.close()


def test_no_retry_sleeps_beyond_the_deadline() -> None:
    """What was answered last is the answer."""
    server = Server(refuse)
    began = time.monotonic()
    with AzureMLClient(Credential(), WORKSPACE, cloud=server.cloud) as client, client.until(time.time() + 5):  # noqa: SIM117
        with pytest.raises(ServiceError, match="HTTP 503"):
            client.get_job("j")
    assert time.monotonic() - began < PATIENCE
    assert server.connections == 1
    server.close()


def test_an_inner_deadline_counts_and_then_the_outer_one_again(nobody: Cloud) -> None:
    with AzureMLClient(Credential(), WORKSPACE, cloud=nobody) as client:
        with client.until(5.0):
            with client.until(None):
                assert client.deadline is None
            assert client.deadline == 5.0
        assert client.deadline is None


CONTEXT: ContextVar[str] = ContextVar("CONTEXT")


def test_what_is_done_in_time() -> None:
    CONTEXT.set("kept")
    assert in_time(CONTEXT.get, 60, "it") == "kept"
    assert in_time(lambda: 7, None, "it") == 7
    with pytest.raises(KeyError):
        in_time(lambda: {}["x"], 60, "it")
    with pytest.raises(TimeoutError, match="its own"):
        in_time(raises_timeout, 60, "it")


def raises_timeout() -> None:
    raise TimeoutError("its own")


def test_what_is_not() -> None:
    event = threading.Event()
    with pytest.raises(UnreachableError, match=r"No answer to it: it took longer than 0\.1 s"):
        in_time(event.wait, 0.1, "it")
    event.set()


@pytest.mark.parametrize(
    ("deadline", "bounds", "least"), [(None, (None,), None), (None, (None, 7.0), 7.0), (-5.0, (7.0,), -5.0)]
)
def test_seconds_left(deadline: float | None, bounds: Any, least: float | None) -> None:
    left = seconds_left(None if deadline is None else time.time() + deadline, *bounds)
    assert left == (None if least is None else pytest.approx(least, abs=1))
