"""What a registry does after it has answered: each operation has an id, and is done by the clock."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from airflow_provider_amlrest.emulator.store import Store


@dataclass(frozen=True)
class Operation:
    asset_id: str | None
    """What its end is answered with: None for a promotion."""
    done_at: str

    @property
    def is_done(self) -> bool:
        return datetime.fromisoformat(self.done_at) <= datetime.now(UTC)


def begin_operation(store: Store, seconds: float, asset_id: str | None = None) -> str:
    """The id of a new operation that takes so long."""
    identifier = str(uuid.uuid4())
    done_at = datetime.now(UTC) + timedelta(seconds=seconds)
    operation = Operation(asset_id, done_at.isoformat())
    store.set_setting(_key(identifier), json.dumps(asdict(operation)))
    return identifier


def find_operation(store: Store, identifier: str) -> Operation | None:
    text = store.setting(_key(identifier))
    return None if text is None else Operation(**json.loads(text))


def _key(identifier: str) -> str:
    return f"operation:{identifier}"
