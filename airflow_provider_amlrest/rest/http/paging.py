"""Lists come in pages, each of which names the next one. The name may be wrong, so it is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.rest.http.errors import AzureMLError

MAX_PAGES = 10_000
"""Maximum pages of one list: with the smallest pages that were recorded (20), 200,000 items."""


@dataclass(frozen=True)
class Page:
    """One page of a list; ``next_link`` is None for the last page."""

    items: tuple[Any, ...]
    next_link: str | None = None


class Pages:
    """The pages of one list, read one after the other.

    :param what: the list, for the error.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._seen: set[str] = set()

    def after(self, link: Any) -> str | None:
        """The link or token of the next page, as a page names it; None if that was the last page.

        :raises AzureMLError: if that page was read before, or there are more than MAX_PAGES.
        """
        if not link:
            return None
        page = str(link)
        if page in self._seen:
            raise AzureMLError(f"{self._what}: the service names a page as the next that was read already.")
        self._seen.add(page)
        if len(self._seen) >= MAX_PAGES:
            raise AzureMLError(f"{self._what}: the list has no end: {MAX_PAGES} pages were read.")
        return page
