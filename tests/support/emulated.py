"""An emulator for tests: what it was asked, and what shall go wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tools.local_emulator import LocalEmulator


class Emulated:
    """A running emulator, seen by a test."""

    def __init__(self, emulator: LocalEmulator) -> None:
        self.emulator = emulator
        self.facts = emulator.facts

    @property
    def data_dir(self) -> Path:
        return self.emulator.data_dir

    def connection_uri(self, **changes: str | None) -> str:
        """The connection of the ready file with other fields; ``login``, ``password`` and all extras."""
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

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Call the emulator's own routes."""
        answer = requests.request(
            method,
            f"{self.facts['arm_endpoint']}/_emulator/{path}",
            json=body,
            headers={"x-emulator-key": self.facts["admin_key"]},
            verify=self.facts["ca_bundle"],
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json()

    @contextmanager
    def fault(self, path: str, **rule: Any) -> Iterator[None]:
        """Let requests whose path matches go wrong within the block."""
        added = self.admin("POST", "faults", {"path": path, **rule})
        try:
            yield
        finally:
            self.admin("DELETE", f"faults/{added['id']}")

    def asked(self, method: str = ".*", path: str = "", *, since: int = 0) -> list[dict[str, Any]]:
        """The requests that match, out of the request log, after its first ``since`` lines."""
        return [
            entry
            for entry in map(json.loads, self._log_lines()[since:])
            if re.fullmatch(method, entry["method"])
            and re.search(path, entry["path"])
            and not entry["path"].startswith("/_emulator/")
        ]

    def mark(self) -> int:
        """How many requests there have been: for ``asked(since=...)``."""
        return len(self._log_lines())

    def _log_lines(self) -> list[str]:
        # A line is written when its answer has gone out: another request makes sure that it is there.
        self.admin("GET", "settings")
        return (self.data_dir / "requests.jsonl").read_text().splitlines()
