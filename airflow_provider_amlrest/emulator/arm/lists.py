"""Lists: pages with an opaque continuation token, views, and the lag of the service's index."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from airflow_provider_amlrest.emulator.answers import invalid
from airflow_provider_amlrest.emulator.arm.call import Call


def page(call: Call, items: list[dict[str, Any]]) -> dict[str, Any]:
    """One page of a complete list. ``$top`` caps the whole result: no nextLink follows it."""
    top = call.query.get("$top")
    if top is not None:
        if not top.isdigit() or int(top) < 1:
            raise invalid("$top", f"{top!r} is not a whole number >= 1")
        return {"value": items[: int(top)]}
    start = read_token(call.query.get("$skip")) or 0
    end = start + _page_size(call)
    return answer(call, items[start:end], end if end < len(items) else None)


def _page_size(call: Call) -> int:
    """As many as ``count`` asks for, which lists of models and datastores have."""
    count = call.query.get("count")
    if count is None:
        return call.context.tuning.page_size
    if not count.isdigit() or int(count) < 1:
        raise invalid("count", f"{count!r} is not a whole number >= 1")
    return int(count)


def answer(call: Call, items: list[dict[str, Any]], continue_at: int | None) -> dict[str, Any]:
    """``value`` and, unless it is the last page, an absolute ``nextLink``."""
    body: dict[str, Any] = {"value": items}
    if continue_at is not None:
        parts = urlsplit(call.url)
        query = [(name, value) for name, value in parse_qsl(parts.query) if name.lower() != "$skip"]
        query.append(("$skip", write_token(continue_at)))
        text = "&".join(f"{quote(name, safe='$-')}={quote(value, safe='')}" for name, value in query)
        body["nextLink"] = f"{parts.scheme}://{parts.netloc}{parts.path}?{text}"
    return body


def write_token(position: int) -> str:
    return base64.urlsafe_b64encode(f"position:{position}".encode()).decode()


def read_token(token: str | None) -> int | None:
    if not token:
        return None
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
        return int(text.removeprefix("position:"))
    except (binascii.Error, ValueError):
        raise invalid("$skip", "it is a continuation token: follow nextLink as it is") from None


def in_view(call: Call, *, archived: bool) -> bool:
    """Whether ``listViewType`` (ActiveOnly unless given) shows the item."""
    view = call.query.get("listviewtype", "ActiveOnly").lower()
    if view not in ("activeonly", "archivedonly", "all"):
        raise invalid("listViewType", f"{view!r} is none of ActiveOnly, ArchivedOnly, All")
    return view == "all" or (view == "archivedonly") == archived


def is_listed(call: Call, created_at: str) -> bool:
    """Whether lists show what was created then: they lag if the emulator was told so."""
    lag = call.context.tuning.list_lag_seconds
    return not lag or datetime.fromisoformat(created_at) <= datetime.now(UTC) - timedelta(seconds=lag)


def has_pairs(values: Mapping[str, str], wanted: str | None) -> bool:
    """Whether ``k1,k2=v2`` (names, or names with values) all hold."""
    for item in (wanted or "").split(","):
        name, separator, value = item.strip().partition("=")
        if name and (name not in values or (separator and values[name] != value)):
            return False
    return True
