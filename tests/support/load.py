"""Requests to an online endpoint, one after the other from several callers, while something happens to it."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections import Counter
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.support.waiting import wait_for


class Load:
    """A context manager: callers that go on as long as it is open.

    :param url: the scoring URI.
    :param key: that of the endpoint.
    :param body: what is sent; the answer is to be JSON with ``who``.
    :param callers: how many; one in four takes a new connection for each request, the others keep theirs.
    :ivar answered: how many requests have been answered with 200.
    :ivar failed: what became of all others.
    """

    def __init__(self, url: str, key: str, body: Any, *, ca_bundle: str, callers: int = 8) -> None:
        self.answered = 0
        self.failed: list[str] = []
        self._url = url
        self._body = body
        self._headers = {"Authorization": f"Bearer {key}"}
        self._tls = ssl.create_default_context(cafile=ca_bundle)
        self._callers = callers
        self._counting: Counter[str] | None = None
        self._stopped = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        self._thread.join()

    def count(self, requests: int) -> Counter[str]:
        """Who answers this many of the requests that are sent from now on, at least."""
        self._counting = counter = Counter[str]()
        wait_for(lambda: self.failed or counter.total() >= requests)
        self._counting = None
        return counter.copy()

    async def _run(self) -> None:
        kept, fresh = (
            aiohttp.TCPConnector(ssl=self._tls),
            aiohttp.TCPConnector(ssl=self._tls, force_close=True),
        )
        async with (
            aiohttp.ClientSession(connector=kept) as keeping,
            aiohttp.ClientSession(connector=fresh) as leaving,
        ):
            sessions = [leaving if number % 4 == 0 else keeping for number in range(self._callers)]
            await asyncio.gather(*(self._call(session) for session in sessions))

    async def _call(self, session: aiohttp.ClientSession) -> None:
        while not self._stopped:
            counter = self._counting
            try:
                async with session.post(self._url, json=self._body, headers=self._headers) as answer:
                    text = await answer.text()
            except (aiohttp.ClientError, TimeoutError) as error:
                self.failed.append(repr(error))
                continue
            if answer.status != 200:
                self.failed.append(f"{answer.status}: {text}")
                continue
            self.answered += 1
            if counter is not None:
                counter[json.loads(text)["who"]] += 1
