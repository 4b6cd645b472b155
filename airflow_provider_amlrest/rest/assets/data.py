"""Data assets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DATA_TYPES = ("uri_file", "uri_folder", "mltable")


@dataclass(frozen=True)
class Data:
    """A version of a data asset. ``type``: uri_file, uri_folder or mltable.

    ``referenced_uris``: what an mltable's definition refers to.
    """

    name: str
    version: str
    type: str
    uri: str
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    referenced_uris: tuple[str, ...] = ()
