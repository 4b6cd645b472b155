"""An emulator's life: what it makes at its start, serves, and takes away at its end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import uvicorn

from airflow_provider_amlrest.emulator.backends import Backends
from airflow_provider_amlrest.emulator.behaviour.faults import FaultRules, Tuning
from airflow_provider_amlrest.emulator.behaviour.provisioning import ProvisioningRules
from airflow_provider_amlrest.emulator.behaviour.scripts import Scripts
from airflow_provider_amlrest.emulator.config import (
    ARTIFACT_CONTAINER,
    Compute,
    DistributedKind,
    Registry,
    RuntimeKind,
    Settings,
    Workspace,
)
from airflow_provider_amlrest.emulator.context import Context, JobRuntime
from airflow_provider_amlrest.emulator.server.app import build_app
from airflow_provider_amlrest.emulator.server.front import DroppableProtocol, Front, RequestLog
from airflow_provider_amlrest.emulator.server.instance import Instance, StartError
from airflow_provider_amlrest.emulator.sign_in.assertions import ClientAssertions, open_client_certificate
from airflow_provider_amlrest.emulator.sign_in.entra import IDENTITY_PATH, Proofs
from airflow_provider_amlrest.emulator.sign_in.pki import Pki, open_pki, open_signing_key, write_secret
from airflow_provider_amlrest.emulator.sign_in.tokens import TokenAuthority
from airflow_provider_amlrest.emulator.storage.azurite import Azurite
from airflow_provider_amlrest.emulator.storage.blobs import ACCOUNT, BlobStorage
from airflow_provider_amlrest.emulator.store import Store, utc_now

log = logging.getLogger(__name__)

SECRET_VARIABLE = "AMLREST_EMULATOR_CLIENT_SECRET"  # noqa: S105 (the name of one)
HOST_NAMES = ("127.0.0.1", "localhost", f"{ACCOUNT}.blob.core.localhost", "*.api.ml.azure.localhost")
"""For a client whose machine resolves the last two: the storage account, and the registries of this cloud."""
LOCATION = "eastus"
RESOURCE_GROUP = "emulator"
SHUTDOWN_SECONDS = 3


@dataclass(frozen=True)
class StartOptions:
    data_dir: Path
    runtime: RuntimeKind
    distributed: DistributedKind = "processes"
    port: int = 0
    """0: the port of the last start if it is free, else any."""
    ready_file: Path | None = None
    computes: tuple[Compute, ...] = ()
    workspace_names: tuple[str, ...] = ()
    registry_names: tuple[str, ...] = ()
    stop_with_stdin: bool = False
    """Whether the end of standard input ends the emulator."""


def run(options: StartOptions, announce: Callable[[dict[str, Any]], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``announce`` gets the ready file's content when everything answers.

    Raises:
        StartError, AzuriteError: it could not start.
    """
    # Until the event loop takes over, a SIGTERM unwinds what was started like Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with ExitStack() as stack:
        instance = stack.enter_context(Instance(options.data_dir))
        if options.ready_file is not None:
            # One of an emulator that was killed would be believed by whoever waits for ours.
            options.ready_file.unlink(missing_ok=True)
        asyncio.run(_Emulator(options, instance, stack).serve(announce))


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us, as after its end there is more to stop, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Emulator:
    def __init__(self, options: StartOptions, instance: Instance, stack: ExitStack) -> None:
        self.options, self.instance, self.stack = options, instance, stack
        data = options.data_dir
        self.store = Store(data / "emulator.sqlite3")
        stack.callback(self.store.close)
        self._remember("created_at", utc_now)
        self.settings = Settings(
            data,
            options.runtime,
            self._workspaces(),
            options.computes,
            options.distributed,
            self._registries(),
        )
        self.pki = open_pki(data / "pki", HOST_NAMES)
        self.socket = self._bind("port", options.port)
        self.endpoint = f"https://127.0.0.1:{self.socket.getsockname()[1]}"
        self.tuning, self.faults = Tuning(), FaultRules()
        self.scripts = Scripts(self.tuning, self.faults)
        self.provisioning, self.backends = ProvisioningRules(), Backends()
        self.tokens = TokenAuthority(
            open_signing_key(data / "pki" / "token-signing.key"),
            tenant_id=self._remember("tenant_id", _new_id),
            client_id=self._remember("client_id", _new_id),
            endpoint=self.endpoint,
        )
        self.certificate = open_client_certificate(self.pki, self.tokens.client_id)
        self.federated_token_file = data / "pki" / "federated-token"
        self.proofs = self._proofs()
        self.blobs = self._open_blobs()
        self.runtime = self._make_runtime()
        self.stop_requested = asyncio.Event()

    def _remember(self, key: str, make: Callable[[], str]) -> str:
        """A value that this data directory has once and for all."""
        value = self.store.setting(key)
        if value is None:
            value = make()
            self.store.set_setting(key, value)
        return value

    def _workspaces(self) -> tuple[Workspace, ...]:
        subscription = self._remember("subscription_id", _new_id)
        return tuple(
            Workspace(
                subscription,
                RESOURCE_GROUP,
                name,
                LOCATION,
                str(uuid.uuid5(uuid.UUID(subscription), name.lower())),
            )
            for name in self.options.workspace_names
        )

    def _registries(self) -> tuple[Registry, ...]:
        subscription = self._remember("subscription_id", _new_id)
        return tuple(
            Registry(
                subscription,
                RESOURCE_GROUP,
                name,
                LOCATION,
                str(uuid.uuid5(uuid.UUID(subscription), f"registries/{name.lower()}")),
            )
            for name in self.options.registry_names
        )

    def _bind(self, key: str, wanted: int) -> socket.socket:
        """A listening place on loopback: the wanted port, else the one of the last start, else any."""
        remembered = int(self.store.setting(key) or 0)
        for port in [wanted] if wanted else [remembered, 0]:
            # asyncio switches Nagle's delay off (40 ms per answer) only where the protocol is spelled out.
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError as error:
                listener.close()
                if wanted:
                    raise StartError(f"Port {wanted} of 127.0.0.1 is not free: {error.strerror}.") from None
                log.warning(
                    "Port %s of the last start is taken: URLs and connections that name it are stale.", port
                )
                continue
            self.store.set_setting(key, str(listener.getsockname()[1]))
            return listener
        raise StartError("No port of 127.0.0.1 is free.")

    def _open_blobs(self) -> BlobStorage:
        """The storage account. Jobs that are only states may never need it: then it starts on demand."""
        # Azurite binds for itself. Held until the end, the port goes to nobody else in the meantime.
        port_holder = self.stack.enter_context(self._bind("blob_port", 0))
        port, key = int(port_holder.getsockname()[1]), _storage_key(self.pki)
        data = self.options.data_dir / "azurite"

        def launch() -> None:
            azurite = Azurite.start(
                port=port,
                data=data,
                log_file=self.options.data_dir / "azurite.log",
                certificate=self.pki.server_certificate,
                key=self.pki.server_key,
                account=ACCOUNT,
                account_key=key,
            )
            self.stack.callback(azurite.stop)
            self.stack.callback(blobs.close)

        containers = (ARTIFACT_CONTAINER, *(w.default_container for w in self.settings.workspaces))
        blobs = BlobStorage(port, key, self.pki.ca_bundle, launch=launch, containers=containers)
        # URLs of an earlier start, such as a SAS that somebody has kept, must not lead to nowhere.
        if self.options.runtime != "simulated" or data.exists():
            blobs.start()
        return blobs

    def _make_runtime(self) -> JobRuntime:
        from airflow_provider_amlrest.emulator.runtime import Runtime
        from airflow_provider_amlrest.emulator.runtime.services import Services

        runtime: JobRuntime = Runtime(
            Services(
                settings=self.settings,
                store=self.store,
                scripts=self.scripts,
                blobs=self.blobs,
                endpoint=self.endpoint,
                ca_bundle=self.pki.ca_bundle,
                issue_job_token=lambda workspace, run: self.tokens.issue_job_token(workspace.name, run),
                tuning=self.tuning,
                backends=self.backends,
            )
        )
        return runtime

    def _proofs(self) -> Proofs:
        assertions = ClientAssertions(self.tokens, self.certificate)
        write_secret(self.federated_token_file, assertions.federated_token().encode())
        return Proofs(
            assertions,
            client_secret=os.environ.get(SECRET_VARIABLE) or self.pki.derive_text("client secret"),
            identity_header=self.pki.derive_text("identity header"),
        )

    def _uvicorn(self) -> _Server:
        context = Context(
            settings=self.settings,
            store=self.store,
            scripts=self.scripts,
            blobs=self.blobs,
            tokens=self.tokens,
            tuning=self.tuning,
            endpoint=self.endpoint,
            runtime=self.runtime,
            provisioning=self.provisioning,
            backends=self.backends,
            derive_secret=self.pki.derive_text,
        )
        request_log = RequestLog(self.options.data_dir / "requests.jsonl")
        self.stack.callback(request_log.close)
        app = build_app(context, self.faults, proofs=self.proofs, admin_key=self._admin_key())
        config = uvicorn.Config(
            Front(app, request_log=request_log, faults=self.faults, location=context.location),
            http=DroppableProtocol,
            ws="none",
            lifespan="off",
            ssl_certfile=str(self.pki.server_certificate),
            ssl_keyfile=str(self.pki.server_key),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        return _Server(config)

    async def serve(self, announce: Callable[[dict[str, Any]], None]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop_requested.set)
        if self.options.stop_with_stdin:
            threading.Thread(target=self._watch_stdin, args=(loop,), name="stdin", daemon=True).start()
        server = self._uvicorn()
        serving = asyncio.create_task(server.serve(sockets=[self.socket]))
        await server.listening.wait()
        try:
            if server.started:
                await asyncio.to_thread(self.runtime.start)
                self.stack.callback(self.runtime.stop)
                self._tell(announce)
                stopping = asyncio.create_task(self.stop_requested.wait())
                await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self.options.ready_file:
                self.options.ready_file.unlink(missing_ok=True)
            server.should_exit = True
            await serving

    def _watch_stdin(self, loop: asyncio.AbstractEventLoop) -> None:
        # Not sys.stdin: its lock, held by this thread at the end, would abort the interpreter.
        while os.read(0, 1024):
            pass
        with contextlib.suppress(RuntimeError):  # the loop has ended before
            loop.call_soon_threadsafe(self.stop_requested.set)

    def _tell(self, announce: Callable[[dict[str, Any]], None]) -> None:
        facts = self._facts()
        ready_file = self.options.ready_file
        if ready_file is not None:
            ready_file.parent.mkdir(parents=True, exist_ok=True)
            write_secret(ready_file, (json.dumps(facts, indent=2) + "\n").encode())
        self.instance.write(
            {
                "pid": os.getpid(),
                "arm_endpoint": self.endpoint,
                "ready_file": str(ready_file) if ready_file else None,
            }
        )
        announce(facts)

    def _admin_key(self) -> str:
        return self.pki.derive_text("admin key")

    def _facts(self) -> dict[str, Any]:
        workspace = self.settings.workspaces[0]
        facts = {
            "arm_endpoint": self.endpoint,
            "authority_host": self.endpoint,
            "tenant_id": self.tokens.tenant_id,
            "client_id": self.tokens.client_id,
            "client_secret": self.proofs.client_secret,
            "client_certificate": str(self.certificate),
            "federated_token_file": str(self.federated_token_file),
            "identity_endpoint": f"{self.endpoint}{IDENTITY_PATH}",
            "identity_header": self.proofs.identity_header,
            "subscription_id": workspace.subscription_id,
            "resource_group": workspace.resource_group,
            "workspace_name": workspace.name,
            "registry_name": self.settings.registries[0].name,
            "location": workspace.location,
            "ca_bundle": str(self.pki.ca_bundle),
            "blob_endpoint": self.blobs.endpoint,
        }
        return {
            **facts,
            "airflow_connection_uri": airflow_connection_uri(facts),
            "admin_key": self._admin_key(),
            "pid": os.getpid(),
        }


def airflow_connection_uri(facts: dict[str, Any]) -> str:
    """A value for ``AIRFLOW_CONN_AZUREML_DEFAULT``."""
    extra = {
        "tenant_id": facts["tenant_id"],
        "subscription_id": facts["subscription_id"],
        "resource_group": facts["resource_group"],
        "workspace_name": facts["workspace_name"],
        "cloud": "custom",
        "resource_manager": facts["arm_endpoint"],
        "authority": facts["authority_host"],
        "ca_bundle": facts["ca_bundle"],
        "blob_endpoint": facts["blob_endpoint"],
    }
    query = urlencode(extra, quote_via=quote, safe="")
    return (
        f"azureml://{quote(facts['client_id'], safe='')}:{quote(facts['client_secret'], safe='')}@/?{query}"
    )


def _storage_key(pki: Pki) -> str:
    return base64.b64encode(pki.derive("storage account key", 64)).decode()


def _new_id() -> str:
    return str(uuid.uuid4())
