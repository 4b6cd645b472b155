"""An emulator for tests: its requests, and faults to inject."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_provider_amlrest.emulator.testing import EmulatorProcess


class Emulated(EmulatorProcess):
    """A running emulator, seen by a test."""

    def connection_uri(self, **changes: str | None) -> str:
        """The connection of the ready file with changed fields: ``login``, ``password`` and any extra."""
        facts = self.facts
        fields: dict[str, str | None] = {
            "login": facts["client_id"],
            "password": facts["client_secret"],
            "tenant_id": facts["tenant_id"],
            "subscription_id": facts["subscription_id"],
            "resource_group": facts["resource_group"],
            "workspace_name": facts["workspace_name"],
            "cloud": "custom",
            "resource_manager": facts["arm_endpoint"],
            "authority": facts["authority_host"],
            "ca_bundle": facts["ca_bundle"],
            "blob_endpoint": facts["blob_endpoint"],
            **changes,
        }
        login, password = fields.pop("login"), fields.pop("password")
        extra = {key: value for key, value in fields.items() if value}
        return json.dumps(
            {"conn_type": "azureml", "login": login or "", "password": password or "", "extra": extra}
        )

    @contextmanager
    def fault(self, path: str, **rule: Any) -> Iterator[None]:
        """Make requests whose path matches fail within the block."""
        added = self.admin("POST", "faults", {"path": path, **rule})
        try:
            yield
        finally:
            self.admin("DELETE", f"faults/{added['id']}")

    @contextmanager
    def setting(self, name: str, value: float) -> Iterator[None]:
        """A setting of the emulator, for the block."""
        before = self.admin("GET", "settings")[name]
        self.admin("PATCH", "settings", {name: value})
        try:
            yield
        finally:
            self.admin("PATCH", "settings", {name: before})

    def asked(self, method: str = ".*", path: str = "", *, since: int = 0) -> list[dict[str, Any]]:
        """The matching requests of the request log, after its first ``since`` lines."""
        return [
            entry
            for entry in self.request_log()[since:]
            if re.fullmatch(method, entry["method"])
            and re.search(path, entry["path"])
            and not entry["path"].startswith("/_emulator/")
        ]

    def writes(self, *, since: int) -> list[str]:
        """Method and kind of each write to the workspace, after the first ``since`` requests."""
        return [
            f"{entry['method']} {entry['path'].split('/')[-4 if 'startPending' in entry['path'] else -3]}"
            for entry in self.asked("PUT|POST|DELETE|PATCH", "/workspaces/", since=since)
        ]

    def mark(self) -> int:
        """The number of requests so far, for ``asked(since=...)``."""
        return len(self.request_log())
