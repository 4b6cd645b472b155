"""What a kind of job must give: how it is written, what it alone has, and what its pages show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import Feature
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire


@dataclass(frozen=True)
class Kind:
    """A kind of job. Its module has one as ``KIND``; the table :mod:`kinds` has its module's name."""

    job_type: str
    """As the wire spells it: ``Command``."""
    read: Callable[[Given], Any]
    """A job of this kind. Raises InvalidSpecError for an argument that is not what it must be."""
    keys: Mapping[str, str]
    """Members of its YAML, ``trial.command``, and the argument that each is."""
    body: Callable[[Spelling, Any], Wire]
    """The members of a PUT's properties that it alone has."""
    since: str = PREVIEW_2022_02
    """The first api-version that has such jobs, beside 2021-03-01-preview."""
    body_2021: Callable[[Spelling, Any], Wire] | None = None
    """The same for 2021-03-01-preview; None: that version has no such jobs."""
    features: tuple[Feature, ...] = ()
    """What not every api-version can say of it."""
    parts: tuple[str, ...] = ()
    """Its members that have such features of their own."""
    wants_user_token: bool = False
    """Whether azure-ai-ml sends its PUT with a token for Azure ML's own API as well."""
    has_steps: bool = False
    """Whether it runs steps, as a pipeline does."""
    has_trials: bool = False
    """Whether it runs trials, the best of which is its result; else its result is its own."""

    def body_in(self, spelling: Spelling) -> Callable[[Spelling, Any], Wire] | None:
        """How an api-version spells what it alone has; None: that version has no such jobs."""
        if spelling.is_of_2021:
            return self.body_2021
        return self.body if spelling.api_version >= self.since else None
