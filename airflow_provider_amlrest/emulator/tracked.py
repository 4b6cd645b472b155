"""Resources that are brought to a state, such as endpoints and deployments, and the operations that do it."""

from __future__ import annotations

import json
import sqlite3
import uuid
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from airflow_provider_amlrest.emulator.store import Store, utc_now

Verb = Literal["create", "update", "delete"]

SUCCEEDED, FAILED, CANCELED = "Succeeded", "Failed", "Canceled"
UPDATING = "Updating"
"""Status of an operation that runs, whatever it does: recorded, of a creation too."""
DELETING = "Deleting"


@dataclass(frozen=True)
class Resource:
    """A tracked resource of ARM; its properties are in the shape of the latest api-version."""

    workspace: str
    path: str
    """Below the workspace: ``onlineEndpoints/e``, ``onlineEndpoints/e/deployments/d``."""
    properties: dict[str, Any]
    location: str
    tags: dict[str, str] = field(default_factory=dict)
    identity: dict[str, Any] | None = None
    sku: dict[str, Any] | None = None
    state: str = "Creating"
    """``provisioningState``."""
    operation: str = ""
    """Id of the last operation on it."""
    created_at: str = field(default_factory=utc_now)
    created_by: str = ""
    modified_at: str = field(default_factory=utc_now)
    key_generations: dict[str, int] = field(default_factory=dict)
    """How often each key has been made anew: keys themselves are in no file."""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def at_rest(self) -> bool:
        """Whether no operation is under way."""
        return self.state in (SUCCEEDED, FAILED, CANCELED)


@dataclass(frozen=True)
class Operation:
    """A long operation on one resource."""

    workspace: str
    path: str
    verb: Verb
    prefix: str
    """What its name begins with: ``oe`` for an online endpoint, ``od`` for a deployment of one."""
    api_version: str
    says: dict[str, str] = field(default_factory=dict)
    """How it goes, in the tags of ``behaviour/provisioning.py``."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started_at: str = field(default_factory=utc_now)
    ended_at: str | None = None
    status: str = UPDATING
    error: dict[str, Any] | None = None

    @property
    def active(self) -> bool:
        return self.status == UPDATING


class Tracked:
    """The resources of all workspaces. Safe to use from several threads; names have no case."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, workspace: str, path: str) -> Resource | None:
        found = self._resources("workspace = ? AND path = ?", workspace, path)
        return found[0] if found else None

    def below(self, workspace: str, collection: str) -> list[Resource]:
        """The members of a collection, oldest first, without those of their own collections."""
        depth = collection.count("/") + 1
        found = self._resources("workspace = ? AND path LIKE ?", workspace, f"{collection}/%")
        return [resource for resource in found if resource.path.count("/") == depth]

    def keep(self, resource: Resource) -> None:
        """Keep a resource that is there at once, without an operation."""
        with self._store.transaction() as db:
            self._insert(db, resource)

    def begin(self, resource: Resource, operation: Operation) -> Resource:
        """Keep a resource, new or changed, with an operation on it; one that still runs is canceled."""
        resource = replace(resource, operation=operation.id, modified_at=operation.started_at)
        with self._store.transaction() as db:
            for running in self._operations("active = 1 AND workspace = ? AND path = ?", *_key(resource)):
                self._keep(db, replace(running, status=CANCELED, ended_at=utc_now()))
            self._insert(db, resource)
            self._keep(db, operation)
        return resource

    def _insert(self, db: sqlite3.Connection, resource: Resource) -> None:
        db.execute(
            "INSERT INTO resources (workspace, path, record) VALUES (?, ?, ?)"
            " ON CONFLICT (workspace, path) DO UPDATE SET record = excluded.record",
            (*_key(resource), json.dumps(asdict(resource))),
        )

    def change(self, workspace: str, path: str, **changes: Any) -> None:
        """Change fields of a resource, if it is there."""
        with self._store.transaction() as db:
            resource = self.get(workspace, path)
            if resource is not None:
                db.execute(
                    "UPDATE resources SET record = ? WHERE workspace = ? AND path = ?",
                    (json.dumps(asdict(replace(resource, **changes))), workspace, path),
                )

    def end(self, operation: Operation, error: dict[str, Any] | None = None) -> None:
        """End an operation, well or with an error, unless it has ended. The resource follows it."""
        with self._store.transaction() as db:
            current = self.operation(operation.id)
            if current is None or not current.active:
                return
            now, status = utc_now(), FAILED if error else SUCCEEDED
            self._keep(db, replace(current, status=status, ended_at=now, error=error))
            if current.verb == "delete" and error is None:
                self._forget(db, current)
            else:
                self.change(current.workspace, current.path, state=status, modified_at=now)

    def _forget(self, db: sqlite3.Connection, operation: Operation) -> None:
        """Remove what was deleted, with what is below it."""
        place = (operation.workspace, operation.path, f"{operation.path}/%")
        for running in self._operations("active = 1 AND workspace = ? AND path LIKE ?", place[0], place[2]):
            self._keep(db, replace(running, status=CANCELED, ended_at=utc_now()))
        db.execute("DELETE FROM resources WHERE workspace = ? AND (path = ? OR path LIKE ?)", place)

    def operation(self, operation_id: str) -> Operation | None:
        found = self._operations("id = ?", operation_id)
        return found[0] if found else None

    def active_operations(self) -> list[Operation]:
        """Those under way, in all workspaces."""
        return self._operations("active = 1")

    def _keep(self, db: sqlite3.Connection, operation: Operation) -> None:
        db.execute(
            "INSERT OR REPLACE INTO operations (id, workspace, path, active, record) VALUES (?, ?, ?, ?, ?)",
            (
                *(operation.id, operation.workspace, operation.path),
                *(int(operation.active), json.dumps(asdict(operation))),
            ),
        )

    def _resources(self, where: str, *parameters: str) -> list[Resource]:
        return [Resource(**record) for record in self._records("resources", where, parameters)]

    def _operations(self, where: str, *parameters: str) -> list[Operation]:
        return [Operation(**record) for record in self._records("operations", where, parameters)]

    def _records(self, table: str, where: str, parameters: tuple[str, ...]) -> list[dict[str, Any]]:
        # Statements are put together from fragments in this class only; values are always bound.
        with self._store.transaction() as db:
            rows = db.execute(
                f"SELECT record FROM {table} WHERE {where} ORDER BY rowid",  # noqa: S608
                parameters,
            ).fetchall()
        return [json.loads(text) for (text,) in rows]


def _key(resource: Resource) -> tuple[str, str]:
    return resource.workspace, resource.path
