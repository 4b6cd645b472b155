"""What a job is made of, as a person gives it: in the arguments of an operator, or in a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from pathlib import Path
from typing import Any, NamedTuple


class Ours(NamedTuple):
    """How many tags and properties the job will have beside those given."""

    tags: int
    properties: int


NOTHING_OURS = Ours(0, 0)


@dataclass(eq=False)
class Given(dict[str, Any]):
    """The arguments of an operator, by their names; what a person has not given is None.

    ``base``: the folder that local paths are relative to. ``input_mode`` and ``output_mode``: of data without
    one; None: the service's default.
    """

    arguments: InitVar[Mapping[str, Any]]
    base: Path
    ours: Ours = NOTHING_OURS
    input_mode: str | None = "ro_mount"
    output_mode: str | None = "rw_mount"

    def __post_init__(self, arguments: Mapping[str, Any]) -> None:
        self.update(arguments)

    def __missing__(self, name: str) -> None:
        return None
