"""Jobs without what is to be looked up, for tests that need no workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from airflow_provider_amlrest.rest.jobs.lookup import Lookup


def looked_up(spec: Any, find: Callable[[Lookup], Any]) -> Any:
    """The same job with what this finds."""
    if isinstance(spec, Lookup):
        return find(spec)
    if isinstance(spec, Mapping):
        return {name: looked_up(value, find) for name, value in spec.items()}
    if not is_dataclass(spec) or isinstance(spec, type):
        return spec
    return replace(spec, **{one.name: looked_up(getattr(spec, one.name), find) for one in fields(spec)})
