"""What the emulator knows, in one SQLite file, so that a restart loses nothing."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

ACTIVE_STATUSES = frozenset(
    {
        "NotStarted",
        "Starting",
        "Provisioning",
        "Preparing",
        "Queued",
        "Running",
        "Finalizing",
        "CancelRequested",
        "NotResponding",
        "Paused",
    }
)

NOT_CANCELLING = ACTIVE_STATUSES - {"CancelRequested"}

MLFLOW_RUN = "MLflow"
"""``job_type`` of a run that a script made through MLflow: nobody runs it, ARM does not list it."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    workspace TEXT NOT NULL, name TEXT NOT NULL, parent TEXT, status TEXT NOT NULL,
    created_at TEXT NOT NULL, record TEXT NOT NULL, sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    UNIQUE (workspace, name)
);
CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (status);
CREATE INDEX IF NOT EXISTS jobs_by_parent ON jobs (workspace, parent);
CREATE TABLE IF NOT EXISTS assets (
    workspace TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    record TEXT NOT NULL, sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    UNIQUE (workspace, kind, name, version)
);
CREATE TABLE IF NOT EXISTS metrics (
    workspace TEXT NOT NULL, run TEXT NOT NULL, key TEXT NOT NULL, value REAL,
    timestamp INTEGER NOT NULL, step INTEGER NOT NULL, sequence INTEGER PRIMARY KEY AUTOINCREMENT
);
CREATE INDEX IF NOT EXISTS metrics_by_run ON metrics (workspace, run, key);
CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS resources (
    workspace TEXT NOT NULL, path TEXT NOT NULL COLLATE NOCASE, record TEXT NOT NULL,
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, UNIQUE (workspace, path)
);
CREATE TABLE IF NOT EXISTS operations (
    id TEXT PRIMARY KEY, workspace TEXT NOT NULL, path TEXT NOT NULL COLLATE NOCASE, active INTEGER NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS operations_by_activity ON operations (active);
"""


def utc_now() -> str:
    """Now, as the service writes times: ISO 8601 with microseconds and +00:00."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True)
class JobRecord:
    """A job, a trial or a run; ``properties`` is shaped as in api-version 2025-12-01, without ``status``."""

    workspace: str
    name: str
    job_type: str
    properties: dict[str, Any]
    status: str
    parent: str | None = None
    created_at: str = field(default_factory=utc_now)
    created_by: str = ""
    started_at: str | None = None
    ended_at: str | None = None
    modified_at: str | None = None
    """When somebody changed it, or asked for its end."""
    modified_by: dict[str, str] | None = None
    """Who did: ``userObjectId`` and ``userName``. None: who created it."""
    cancel_requested: bool = False
    cancelation_reason: str | None = None
    """As run history spells it: what was said when its end was asked for."""
    error: dict[str, Any] | None = None
    """The object under ``error`` in run history: {"code", "message", "innerError"...}."""
    run_tags: dict[str, str] = field(default_factory=dict)
    """Tags that the service or MLflow adds; the user's own are in ``properties``."""
    run_properties: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    """MLflow parameters. A trial's point in the search space is its run tag ``hyperparameters``."""
    log_files: tuple[str, ...] = ()
    """Paths below ``ExperimentRun/dcid.<name>/`` in container ``azureml``."""
    passed_outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Outputs that another run wrote for it: {"asset": name of the data asset, "uri": where it lies}."""
    as_sent: dict[str, Any] | None = None
    """The request's ``properties`` if it came in api-version 2021-03-01-preview, to answer in its words."""

    @property
    def active(self) -> bool:
        return self.status in ACTIVE_STATUSES

    @property
    def tags(self) -> dict[str, str]:
        """All of them, as every view shows them."""
        return {**self.run_tags, **(self.properties.get("tags") or {})}

    def retagged(self, added: Mapping[str, str], *, own: bool = False, gone: Iterable[str] = ()) -> JobRecord:
        """With other tags; ``own``: the user's. A tag has one place, so that the last word on it counts."""
        users, others = dict(self.properties.get("tags") or {}), dict(self.run_tags)
        for key, text in added.items():
            if own:
                others.pop(key, None)
            (users if own or key in users else others)[key] = text
        for key in gone:
            users.pop(key, None)
            others.pop(key, None)
        return replace(self, properties={**self.properties, "tags": users}, run_tags=others)


@dataclass(frozen=True)
class AssetRecord:
    """A version of an asset; ``kind`` is its ARM collection: environments, codes, data, models."""

    workspace: str
    """Its ``home``: that of a workspace or of a registry."""
    kind: str
    name: str
    version: str
    properties: dict[str, Any]
    created_at: str = field(default_factory=utc_now)
    created_by: str = ""
    modified_at: str | None = None
    as_sent: dict[str, Any] | None = None
    """As on a job."""


@dataclass(frozen=True)
class Metric:
    key: str
    value: float
    timestamp: int
    """Milliseconds since 1970."""
    step: int


R = TypeVar("R", JobRecord, AssetRecord)


class Store:
    """Safe to use from several threads; every call is one transaction.

    Statements are put together from fragments in this file only; values are always bound.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    # jobs

    def add_job(self, job: JobRecord) -> bool:
        """Keep a new job; False if the name is taken (nothing is changed then)."""
        with self.transaction() as db:
            cursor = db.execute(
                "INSERT OR IGNORE INTO jobs (workspace, name, parent, status, created_at, record)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (job.workspace, job.name, job.parent, job.status, job.created_at, _dump(job)),
            )
            return cursor.rowcount == 1

    def job(self, workspace: str, name: str) -> JobRecord | None:
        rows = self._jobs("workspace = ? AND name = ?", (workspace, name))
        return rows[0] if rows else None

    def update_job(self, workspace: str, name: str, **changes: Any) -> JobRecord:
        """Change fields of a job as one step. Raises KeyError if there is no such job."""
        with self.transaction() as db:
            job = self.job(workspace, name)
            if job is None:
                raise KeyError(name)
            return self._keep(db, replace(job, **changes))

    def tag_job(
        self, workspace: str, name: str, added: Mapping[str, str], *, gone: Iterable[str] = ()
    ) -> JobRecord:
        """Add and remove tags in one step, not as the user's own. Raises KeyError like ``update_job``."""
        with self.transaction() as db:
            job = self.job(workspace, name)
            if job is None:
                raise KeyError(name)
            return self._keep(db, job.retagged(added, gone=gone))

    def _keep(self, db: sqlite3.Connection, job: JobRecord) -> JobRecord:
        db.execute(
            "UPDATE jobs SET status = ?, record = ? WHERE workspace = ? AND name = ?",
            (job.status, _dump(job), job.workspace, job.name),
        )
        return job

    def transition(
        self, workspace: str, name: str, to: str, *, only_from: Iterable[str] | None = None, **changes: Any
    ) -> bool:
        """Move a job to a status, unless it has ended or is not in ``only_from``. True if it moved."""
        with self.transaction():
            job = self.job(workspace, name)
            if job is None or not job.active or (only_from is not None and job.status not in set(only_from)):
                return False
            self.update_job(workspace, name, status=to, **changes)
            return True

    def delete_job(self, workspace: str, name: str) -> bool:
        """Remove a job with its trials and metrics. False if there was no such job."""
        with self.transaction() as db:
            for child in self.children(workspace, name):
                self.delete_job(workspace, child.name)
            db.execute("DELETE FROM metrics WHERE workspace = ? AND run = ?", (workspace, name))
            return (
                db.execute("DELETE FROM jobs WHERE workspace = ? AND name = ?", (workspace, name)).rowcount
                == 1
            )

    def clear(self) -> None:
        """Forget jobs, assets, metrics, experiments, operations and what can be reused; settings stay."""
        with self.transaction() as db:
            db.execute(
                "DELETE FROM settings WHERE key LIKE 'experiment:%' OR key LIKE 'reuse:%'"
                " OR key LIKE 'operation:%'"
            )
            for table in ("jobs", "assets", "metrics", "resources", "operations"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608

    def count_jobs(self) -> dict[str, int]:
        """How many jobs and trials have each status, in all workspaces."""
        with self._lock:
            return dict(
                self._connection.execute("SELECT status, COUNT(*) FROM jobs GROUP BY status").fetchall()
            )

    def list_jobs(
        self, workspace: str, *, parent: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[tuple[int, JobRecord]]:
        """(sequence, job) newest first; ``before`` is the last sequence already seen.

        Without ``parent``: top-level jobs only; with it: that sweep's trials, oldest first.
        """
        if parent is None:
            where, parameters, order = "workspace = ? AND parent IS NULL", [workspace], "DESC"
        else:
            where, parameters, order = "workspace = ? AND parent = ?", [workspace, parent], "ASC"
        if before is not None:
            where += " AND sequence < ?" if parent is None else " AND sequence > ?"
            parameters.append(before)  # type: ignore[arg-type]
        with self._lock:
            rows = self._connection.execute(
                f"SELECT sequence, record FROM jobs WHERE {where} ORDER BY sequence {order} LIMIT ?",  # noqa: S608
                (*parameters, limit),
            ).fetchall()
        return [(sequence, _load(JobRecord, text)) for sequence, text in rows]

    def children(self, workspace: str, parent: str) -> list[JobRecord]:
        """A sweep's trials, in the order of their numbers."""
        return self._jobs("workspace = ? AND parent = ?", (workspace, parent))

    def root(self, job: JobRecord) -> JobRecord:
        """The job that is nobody's child, on the way up from this one."""
        while job.parent and (parent := self.job(job.workspace, job.parent)):
            job = parent
        return job

    def all_jobs(self, workspace: str) -> list[JobRecord]:
        """Every job, trial and run of a workspace, oldest first."""
        return self._jobs("workspace = ?", (workspace,))

    def active_jobs(self) -> list[JobRecord]:
        """Every job and trial that has not ended, oldest first, of all workspaces."""
        marks = ",".join("?" * len(ACTIVE_STATUSES))
        jobs = self._jobs(f"status IN ({marks})", tuple(ACTIVE_STATUSES))
        return [job for job in jobs if job.job_type != MLFLOW_RUN]

    def new_jobs(self, after: int) -> list[tuple[int, JobRecord]]:
        """(sequence, job) of what came after a sequence and has not ended, oldest first."""
        where = f"sequence > ? AND status IN ({','.join('?' * len(ACTIVE_STATUSES))})"
        with self._lock:
            rows = self._connection.execute(
                f"SELECT sequence, record FROM jobs WHERE {where} ORDER BY sequence",  # noqa: S608
                (after, *ACTIVE_STATUSES),
            ).fetchall()
        jobs = [(sequence, _load(JobRecord, text)) for sequence, text in rows]
        return [(sequence, job) for sequence, job in jobs if job.job_type != MLFLOW_RUN]

    def jobs_with_status(self, status: str) -> list[JobRecord]:
        """Jobs and trials of all workspaces that have this status now, oldest first."""
        return self._jobs("status = ?", (status,))

    def _jobs(self, where: str, parameters: tuple[Any, ...]) -> list[JobRecord]:
        with self._lock:
            rows = self._connection.execute(
                f"SELECT record FROM jobs WHERE {where} ORDER BY sequence",  # noqa: S608
                parameters,
            ).fetchall()
        return [_load(JobRecord, text) for (text,) in rows]

    # assets

    def put_asset(self, asset: AssetRecord) -> bool:
        """Keep a version of an asset, new or changed. True if it is new."""
        with self.transaction() as db:
            key = (asset.workspace, asset.kind, asset.name, asset.version)
            new = self.asset(*key) is None
            if new:
                db.execute(
                    "INSERT INTO assets (workspace, kind, name, version, record) VALUES (?, ?, ?, ?, ?)",
                    (*key, _dump(asset)),
                )
            else:
                db.execute(
                    "UPDATE assets SET record = ?"
                    " WHERE workspace = ? AND kind = ? AND name = ? AND version = ?",
                    (_dump(asset), *key),
                )
            return new

    def asset(self, workspace: str, kind: str, name: str, version: str) -> AssetRecord | None:
        rows = self._assets(
            "workspace = ? AND kind = ? AND name = ? AND version = ?", (workspace, kind, name, version)
        )
        return rows[0] if rows else None

    def assets(self, workspace: str, kind: str, name: str | None = None) -> list[AssetRecord]:
        """Versions newest first: of one name, or of all."""
        if name is None:
            return self._assets("workspace = ? AND kind = ?", (workspace, kind))
        return self._assets("workspace = ? AND kind = ? AND name = ?", (workspace, kind, name))

    def delete_asset(self, workspace: str, kind: str, name: str, version: str) -> bool:
        with self.transaction() as db:
            cursor = db.execute(
                "DELETE FROM assets WHERE workspace = ? AND kind = ? AND name = ? AND version = ?",
                (workspace, kind, name, version),
            )
            return cursor.rowcount == 1

    def _assets(self, where: str, parameters: tuple[Any, ...]) -> list[AssetRecord]:
        with self._lock:
            rows = self._connection.execute(
                f"SELECT record FROM assets WHERE {where} ORDER BY sequence DESC",  # noqa: S608
                parameters,
            ).fetchall()
        return [_load(AssetRecord, text) for (text,) in rows]

    # metrics

    def log_metrics(self, workspace: str, run: str, metrics: Iterable[Metric]) -> None:
        with self.transaction() as db:
            db.executemany(
                "INSERT INTO metrics (workspace, run, key, value, timestamp, step) VALUES (?, ?, ?, ?, ?, ?)",
                # SQLite has no NaN: it becomes NULL on the way in.
                [(workspace, run, m.key, m.value, m.timestamp, m.step) for m in metrics],
            )

    def metric_history(self, workspace: str, run: str, key: str | None = None) -> list[Metric]:
        """Logged values in the order they came; of one metric, or of all."""
        where, parameters = "workspace = ? AND run = ?", [workspace, run]
        if key is not None:
            where += " AND key = ?"
            parameters.append(key)
        with self._lock:
            rows = self._connection.execute(
                f"SELECT key, value, timestamp, step FROM metrics WHERE {where} ORDER BY sequence",  # noqa: S608
                parameters,
            ).fetchall()
        return [
            Metric(key, math.nan if value is None else value, timestamp, step)
            for key, value, timestamp, step in rows
        ]

    def latest_metrics(self, workspace: str, run: str) -> dict[str, Metric]:
        """The last value of each metric, as MLflow reports it: highest step, then latest time."""
        latest: dict[str, Metric] = {}
        for metric in self.metric_history(workspace, run):
            known = latest.get(metric.key)
            if known is None or (metric.step, metric.timestamp) >= (known.step, known.timestamp):
                latest[metric.key] = metric
        return latest

    # settings

    def setting(self, key: str) -> str | None:
        with self._lock:
            row = self._connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def settings(self, prefix: str) -> list[tuple[str, str]]:
        """(key, value) of the settings whose key begins like this."""
        with self._lock:
            rows = self._connection.execute("SELECT key, value FROM settings ORDER BY key").fetchall()
        return [(key, value) for key, value in rows if key.startswith(prefix)]

    def set_setting(self, key: str, value: str) -> None:
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", (key, value))


def _dump(record: JobRecord | AssetRecord) -> str:
    return json.dumps({f.name: getattr(record, f.name) for f in fields(record)})


def _load(cls: type[R], text: str) -> R:
    values = json.loads(text)
    if "log_files" in values:
        values["log_files"] = tuple(values["log_files"])
    return cls(**values)
