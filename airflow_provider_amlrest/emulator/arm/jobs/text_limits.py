"""Readers of texts of a job that are too long, too many, or not of the characters that the service takes.

Lengths are those of Microsoft's page on the limits of Azure ML (2025). The words about an experiment's name
are the service's, as users report them; its error code, and all words about the rest, are a best guess.
"""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_amlrest.emulator.answers import MlError
from airflow_provider_amlrest.emulator.arm.shapes import Place, Reader, filled, string_map, text

TEXTS = {"experimentName": 256, "displayName": 256, "description": 5000}
"""Characters."""
PAIRS = {"tags": (50, 100, 1000), "properties": (50, 100, 1000)}
"""How many, and the characters of a name and of a value."""

EXPERIMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def limited(field: str) -> Reader:
    """A text with as many characters as there may be."""

    def read(value: Any, place: Place) -> str:
        if len(text(value, place)) > TEXTS[field]:
            raise place.wrong(f"must have at most {TEXTS[field]} characters, not {len(value)}")
        return str(value)

    return read


def experiment(value: Any, place: Place) -> str:
    """The name of an experiment."""
    name, longest = filled(value, place), TEXTS["experimentName"]
    if not EXPERIMENT.fullmatch(name) or len(name) > longest:
        raise MlError(
            400,
            f"Experiment name must be 1-{longest} characters, start with a letter or a number, and can only "
            "contain letters, numbers, underscores, and dashes.",
            ("UserError",),
        )
    return name


def pairs(field: str) -> Reader:
    """Tags, or properties."""
    count, longest_name, longest_value = PAIRS[field]

    def read(value: Any, place: Place) -> dict[str, str]:
        read: dict[str, str] = string_map(value, place)
        if len(read) > count:
            raise place.wrong(f"must have at most {count} members, not {len(read)}")
        for name, member in read.items():
            if not name.strip() or len(name) > longest_name or len(member) > longest_value:
                raise place.wrong(
                    f"must have names of 1 to {longest_name} characters, values of {longest_value} at most"
                )
        return read

    return read
