"""A loopback proxy in front of the emulator's blob storage: records requests, and refuses some."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from azure.storage.blob import BlobServiceClient

from airflow_provider_amlrest.rest.assets.code import Code
from tests.support.emulated import Emulated

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


class Asked(NamedTuple):
    """A request to the storage."""

    method: str
    path: str
    comp: str
    """``block``, ``blocklist``, ``list``...; empty for a whole blob."""
    block: str
    scheme: str
    """The scheme of the credential: ``Bearer``, ``SharedKey``, or ``SAS``."""
    agent: str


class StorageProxy:
    """The emulator's blob storage under another port. A context manager.

    :ivar asked: the requests that were passed on and succeeded.
    :ivar closed: error codes by scheme: requests with such a credential are answered 403.
    :ivar gate: called with each request before it is passed on; it may wait.
    """

    def __init__(self, emulated: Emulated) -> None:
        self.asked: list[Asked] = []
        self.closed: dict[str, str] = {}
        self.gate: Callable[[Asked], None] = lambda asked: None
        self._storage = urlsplit(emulated.facts["blob_endpoint"])
        self._tls = ssl.create_default_context(cafile=emulated.facts["ca_bundle"])
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._server.daemon_threads = True
        pki = Path(emulated.facts["ca_bundle"]).parent
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pki / "server.pem", pki / "server.key")
        self._server.socket = tls.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.endpoint = f"https://127.0.0.1:{self._server.server_port}{self._storage.path}"

    def writes(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.method == "PUT"]

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self._storage.netloc, context=self._tls, timeout=30)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, proxy: StorageProxy, *request: Any) -> None:
        self._proxy = proxy
        self._connection: http.client.HTTPSConnection | None = None
        super().__init__(*request)

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = self._asked()
        if asked.scheme in self._proxy.closed:
            code = self._proxy.closed[asked.scheme]
            text = f"<Error><Code>{code}</Code><Message>This is refused.</Message></Error>".encode()
            self._answer(403, [("x-ms-error-code", code), ("Content-Type", "application/xml")], text)
            return
        self._proxy.gate(asked)
        self._connection = self._connection or self._proxy.connect()
        self._connection.request(self.command, self.path, body, dict(self.headers))
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status < 300:
            self._proxy.asked.append(asked)
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
        self._answer(answer.status, headers, content)

    do_GET = do_PUT = do_HEAD = _serve  # noqa: N815 (names of the library)

    def _asked(self) -> Asked:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        scheme = (self.headers.get("Authorization") or "SAS").split()[0]
        return Asked(
            self.command,
            url.path,
            query.get("comp", [""])[0],
            query.get("blockid", [""])[0],
            scheme,
            self.headers.get("User-Agent") or "",
        )

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Do not log: a query may contain a signature."""


def lying_at(service: BlobServiceClient, code: Code) -> dict[str, bytes]:
    """The files of a code asset, by their names in its folder."""
    container, _, path = code.uri.removeprefix(f"{service.primary_endpoint.rstrip('/')}/").partition("/")
    with service.get_container_client(container) as client:
        return {
            blob.name.removeprefix(f"{path}/"): bytes(client.download_blob(blob.name).readall())
            for blob in client.list_blobs(name_starts_with=path)
        }


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")}
