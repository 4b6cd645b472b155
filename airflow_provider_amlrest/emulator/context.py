"""What the routes share."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from airflow_provider_amlrest.emulator.answers import GatewayError
from airflow_provider_amlrest.emulator.backends import Backends
from airflow_provider_amlrest.emulator.behaviour.faults import Tuning
from airflow_provider_amlrest.emulator.behaviour.provisioning import ProvisioningRules
from airflow_provider_amlrest.emulator.behaviour.scripts import Scripts
from airflow_provider_amlrest.emulator.computes import find
from airflow_provider_amlrest.emulator.config import Settings, Workspace
from airflow_provider_amlrest.emulator.sign_in.tokens import Principal, TokenAuthority, TokenError
from airflow_provider_amlrest.emulator.storage.azurite import AzuriteError
from airflow_provider_amlrest.emulator.storage.blobs import BlobStorage
from airflow_provider_amlrest.emulator.store import JobRecord, Store
from airflow_provider_amlrest.emulator.tracked import Operation, Resource, Tracked

MAX_BODY_BYTES = 4 * 1024 * 1024
SETTLE_SECONDS = 10.0
"""How long the answer to a creation waits for a job or an operation that takes no time."""
INFERENCE_PATH, BATCH_PATH = "/inference", "/batch"
"""Below them, the emulator answers for ``https://<endpoint>.<region>.inference.ml.azure.com``: for online
endpoints, and for batch endpoints."""


class JobRuntime(Protocol):
    """What the server wants of the part that runs the jobs."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def wake(self) -> None: ...
    def clear(self) -> None: ...

    def resolve(self, workspace: Workspace, reference: str) -> str:
        """The URI of what a URI of a job, a run or an asset means; LookupError: it means nothing."""

    def has_files(self, workspace: Workspace, uri: str) -> bool:
        """Whether something lies there, or may for all that this emulator knows. It blocks."""

    def copy_files(self, workspace: Workspace, uri: str, container: str) -> str:
        """Copy what lies there to a container; the URL of the copy. It blocks. LookupError: no place."""


@dataclass(frozen=True)
class Context:
    settings: Settings
    store: Store
    scripts: Scripts
    blobs: BlobStorage
    tokens: TokenAuthority
    tuning: Tuning
    endpoint: str
    runtime: JobRuntime
    provisioning: ProvisioningRules
    backends: Backends
    derive_secret: Callable[[str], str]
    """What a secret of this data directory is, by its purpose."""

    @property
    def location(self) -> str:
        return self.settings.workspaces[0].location

    def workspace(self, subscription: str, group: str, name: str) -> Workspace | None:
        """The workspace of these names; ARM compares without regard to case."""
        found = self.settings.scope("workspaces", subscription, group, name)
        return found if isinstance(found, Workspace) else None

    def wake(self) -> None:
        """Let the runtime look for what it has to do."""
        self.runtime.wake()

    async def settle(self, job: JobRecord) -> JobRecord:
        """A job that has just been created, as its answer shows it: at rest, if it takes no time at all."""
        if self.settings.runtime != "simulated":
            return job
        try:
            behaviour = self.scripts.behaviour(job)
        except ValueError:  # it is going to fail for that
            return job
        self.scripts.throttle(job, behaviour)
        at_once = behaviour.takes_no_time and not behaviour.throttled_reads and self._has_compute(job)
        patience = SETTLE_SECONDS if at_once else 0.0
        deadline = time.monotonic() + patience
        while job.active and time.monotonic() < deadline:
            if behaviour.outcome == "stuck" and job.status != "Starting":
                break
            await asyncio.sleep(0.002)
            takes_time = self._takes_time(job)
            found = self.store.job(job.workspace, job.name)
            if found is None:  # the workspace has been emptied
                break
            job = found
            if takes_time:
                break
        return job

    def _has_compute(self, job: JobRecord) -> bool:
        """Whether a job need not wait for its compute."""
        name = (job.properties.get("computeId") or "").rpartition("/")[2]
        if not name:
            return True
        [workspace] = [w for w in self.settings.workspaces if w.name == job.workspace]
        state = find(self.store, self.settings, workspace, name)
        return state is None or state.takes_jobs

    def _takes_time(self, job: JobRecord) -> bool:
        """Whether a part of a job takes its time, although the job itself does not."""
        children = [child for child in self.store.children(job.workspace, job.name) if child.active]
        begun = [child for child in children if child.status != "NotStarted"]
        behaviours = [self.scripts.behaviour(child) for child in begun if child.properties["tags"]]
        slow = any(part.outcome == "stuck" or not part.takes_no_time for part in behaviours)
        return slow or not all(self._has_compute(child) for child in begun)

    async def settle_operation(self, operation: Operation) -> None:
        """Wait for an operation that takes no time: its first poll shall find it ended."""
        tracked, deadline = Tracked(self.store), time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            current = tracked.operation(operation.id)
            if current is None or not current.active:
                return
            await asyncio.sleep(0.002)

    def inference_url(self, endpoint: str) -> str:
        return f"{self.endpoint}{INFERENCE_PATH}/{endpoint}"

    def batch_url(self, endpoint: str) -> str:
        return f"{self.endpoint}{BATCH_PATH}/{endpoint}"

    def endpoint_keys(self, endpoint: Resource) -> dict[str, str]:
        """The keys of an online endpoint; they are in no file."""
        names = ("primaryKey", "secondaryKey")
        purpose = f"{endpoint.workspace}/{endpoint.path} {endpoint.created_at}"
        return {
            name: self.derive_secret(f"{name} {endpoint.key_generations.get(name, 0)} of {purpose}")
            for name in names
        }

    async def need_blobs(self, what: str) -> BlobStorage:
        """The blob storage, started if it does not run yet.

        Raises:
            GatewayError: 501, it cannot be started.
        """
        try:
            await asyncio.to_thread(self.blobs.start)
        except AzuriteError as error:
            raise GatewayError(501, "NotImplemented", f"{what} needs blob storage. {error}") from None
        return self.blobs

    def authenticate(self, request: Request, *, jobs: bool = False, studio: bool = False) -> Principal:
        """Whom the request's bearer token stands for; ``jobs`` and ``studio`` as of ``TokenAuthority.check``.

        Raises:
            GatewayError: 401 with ``WWW-Authenticate``.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self._unauthorized(
                "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
            )
        try:
            principal = self.tokens.check(token.strip(), jobs=jobs, studio=studio)
        except TokenError as error:
            raise self._unauthorized(error.code, str(error)) from None
        wanted = self.tuning.authentication_context
        if wanted and principal.run is None and wanted not in principal.authentication_contexts:
            raise self._challenge(wanted, principal)
        return principal

    def _unauthorized(self, code: str, message: str) -> GatewayError:
        challenge = (
            f'Bearer authorization_uri="{self.endpoint}/{self.tokens.tenant_id}", error="invalid_token", '
            f'error_description="{message}"'
        )
        return GatewayError(401, code, message, {"WWW-Authenticate": challenge})

    def _challenge(self, wanted: str, principal: Principal) -> GatewayError:
        """What a Conditional Access policy demands, for a client that said it can answer."""
        code = "AuthenticationFailed"
        message = f"A Conditional Access policy demands the authentication context '{wanted}'."
        if not principal.answers_challenges:
            return self._unauthorized(code, message)
        claims = json.dumps({"access_token": {"acrs": {"essential": True, "value": wanted}}})
        challenge = (
            f'Bearer realm="", authorization_uri="{self.endpoint}/common/oauth2/authorize", '
            f'error="insufficient_claims", claims="{base64.urlsafe_b64encode(claims.encode()).decode()}"'
        )
        return GatewayError(401, code, message, {"WWW-Authenticate": challenge})


async def read_body(request: Request) -> bytes:
    """The request's body.

    Raises:
        GatewayError: 413, it is larger than ARM takes.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise GatewayError(
                413,
                "RequestEntityTooLarge",
                f"The request content size exceeds the maximum size of {MAX_BODY_BYTES}.",
            )
        chunks.append(chunk)
    return b"".join(chunks)
