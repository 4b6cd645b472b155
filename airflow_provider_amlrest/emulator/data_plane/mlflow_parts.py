"""What MLflow's tracking server and its model registry have in common: errors, words of requests, lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from airflow_provider_amlrest.emulator.data_plane.mlflow_filter import Clause, parse_filter

Views = Mapping[str, Mapping[str, Any]]
"""What the clauses of a filter look at: entity -> key -> value."""


class MlflowError(Exception):
    """An error in MLflow's own envelope."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    def answer(self) -> Response:
        return JSONResponse({"error_code": self.code, "message": str(self)}, self.status)


def bad_parameter(message: str) -> MlflowError:
    return MlflowError(400, "INVALID_PARAMETER_VALUE", message)


def missing(message: str) -> MlflowError:
    return MlflowError(404, "RESOURCE_DOES_NOT_EXIST", message)


def need(body: Mapping[str, Any], name: str) -> Any:
    value = body.get(name)
    if value is None or value == "":
        raise bad_parameter(f"Missing value for required parameter '{name}'.")
    return value


def pairs(items: Iterable[dict[str, Any]]) -> dict[str, str]:
    return {str(item["key"]): str(item.get("value", "")) for item in items}


def as_pairs(values: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in (values or {}).items()]


def milliseconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp() * 1000)


def clauses(body: Mapping[str, Any]) -> list[Clause]:
    """The clauses of a request's filter.

    Raises:
        MlflowError: 400, the filter is not understood.
    """
    try:
        return parse_filter(str(body.get("filter") or ""))
    except ValueError as error:
        raise bad_parameter(str(error)) from None


def found_by(body: Mapping[str, Any], items: Iterable[tuple[Any, Views]]) -> list[Any]:
    """The items that a request's ``filter`` lets through, in the order of its ``order_by``."""
    wanted = clauses(body)
    found = [
        (item, views)
        for item, views in items
        if all(clause.holds(views.get(clause.entity, {})) for clause in wanted)
    ]
    orders = body.get("order_by") or []
    for order in reversed([orders] if isinstance(orders, str) else orders):
        _sort(found, str(order))
    return [item for item, _ in found]


def _sort(found: list[tuple[Any, Views]], order: str) -> None:
    key, _, direction = order.strip().rpartition(" ")
    if direction.upper() not in ("ASC", "DESC"):
        key, direction = order.strip(), "ASC"
    entity, _, name = key.partition(".")
    if entity not in ("attributes", "tags", "params", "metrics"):
        entity, name = "attributes", key
    name = name.strip('"`')

    def value(item: tuple[Any, Views]) -> Any:
        return item[1].get(entity, {}).get(name)

    present = [item for item in found if value(item) is not None]
    absent = [item for item in found if value(item) is None]
    present.sort(key=value, reverse=direction.upper() == "DESC")
    found[:] = present + absent


def page(
    body: Mapping[str, Any], name: str, items: list[Any], most: int, shape: Callable[[Any], Any]
) -> dict[str, Any]:
    """One page of a list, under the name that it has in the answer."""
    token = str(body.get("page_token") or "0")
    if not token.isdigit():
        raise bad_parameter("Invalid page token.")
    start, size = int(token), min(int(body.get("max_results") or most), most)
    answer: dict[str, Any] = {name: [shape(item) for item in items[start : start + size]]}
    if start + size < len(items):
        answer["next_page_token"] = str(start + size)
    return answer
