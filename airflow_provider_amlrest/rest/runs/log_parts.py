"""Reads a log in ranges of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest.http.call import Answer, Call, body_text
from airflow_provider_amlrest.rest.http.errors import response_error
from airflow_provider_amlrest.rest.http.policies import ANONYMOUS


def log_part(url: str, file: str, wanted: tuple[int, int], options: Mapping[str, Any] | None = None) -> Call:
    """A request for a range of bytes of a log."""
    request = HttpRequest("GET", url, headers={"Range": f"bytes={wanted[0]}-{wanted[1]}"})
    return Call(request, f"GET log {file}", {**(options or {}), ANONYMOUS: True})


def log_content(answer: Answer, file: str, wanted: tuple[int, int]) -> bytes:
    """Those of the wanted bytes that exist. Raises the matching ResponseError."""
    if answer.status_code == 416:
        return b""
    if answer.status_code == 206:
        return answer.content
    if answer.status_code == 200:
        return answer.content[wanted[0] : wanted[1] + 1]
    raise response_error(f"GET log {file}", answer.status_code, body_text(answer), answer.headers)


def log_length(answer: Answer) -> int:
    """The length of the log of which a part was requested."""
    total = str(answer.headers.get("Content-Range") or "").rpartition("/")[2]
    return int(total) if total.isdigit() else len(answer.content)
