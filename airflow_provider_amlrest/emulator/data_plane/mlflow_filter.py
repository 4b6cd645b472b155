"""MLflow's search filters: ``metrics.loss < 0.3 and tags.mlflow.parentRunId = 'sweep'``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

CLAUSE = re.compile(
    r"""\s*(?:(?P<entity>attributes?|attr|runs?|tags?|params?|parameters?|metrics?)\.)?
        (?:"(?P<quoted>[^"]+)"|`(?P<ticked>[^`]+)`|(?P<key>[A-Za-z_][\w.\-/]*))\s*
        (?P<operator>!=|>=|<=|=|>|<|(?:NOT\s+)?LIKE\b|ILIKE\b|(?:NOT\s+)?IN\b)\s*
        (?P<value>'(?:[^'])*'|"(?:[^"])*"|\((?:[^)]*)\)|[-+\w.]+)\s*(?:(?P<end>$)|AND\b)""",
    re.IGNORECASE | re.VERBOSE,
)
ENTITIES = {"attr": "attributes", "runs": "attributes", "run": "attributes", "parameters": "params"}

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    "LIKE": lambda left, right: _like(left, right),
    "NOT LIKE": lambda left, right: not _like(left, right),
    "ILIKE": lambda left, right: _like(left.lower(), right.lower()),
    "IN": lambda left, right: left in right,
    "NOT IN": lambda left, right: left not in right,
}


IMPLIED = {"mlflow.prompt.is_prompt": "false"}
"""Tags that everything has that does not have them."""


@dataclass(frozen=True)
class Clause:
    entity: str
    """attributes, tags, params or metrics."""
    key: str
    operator: str
    value: Any

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds for the values of its entity; it never does for what is missing.

        MLflow's own stores make one exception, which its client (since 2.21) needs to find any model at all.
        """
        known = values.get(self.key, IMPLIED.get(self.key))
        if known is None:
            return False
        try:
            return COMPARE[self.operator](known, self.value)
        except (TypeError, AttributeError):
            return False


def parse_filter(text: str) -> list[Clause]:
    """The clauses of a filter, all of which have to hold.

    Raises:
        ValueError: the filter is not understood.
    """
    clauses = []
    position = 0
    while text[position:].strip():
        match = CLAUSE.match(text, position)
        if match is None:
            raise ValueError(f"Invalid filter {text!r}: cannot read {text[position:]!r}")
        clauses.append(_clause(match))
        position = match.end()
    return clauses


def _clause(match: re.Match[str]) -> Clause:
    entity = (match["entity"] or "attributes").lower()
    entity = ENTITIES.get(entity, entity if entity.endswith("s") else f"{entity}s")
    key = match["quoted"] or match["ticked"] or match["key"].strip('"`')
    operator = " ".join(match["operator"].upper().split())
    return Clause(entity, key, operator, _value(match["value"], numeric=entity == "metrics"))


def _value(text: str, *, numeric: bool) -> Any:
    if text.startswith("("):
        return tuple(part.strip().strip("'\"") for part in text[1:-1].split(","))
    if text[0] in "'\"":
        return text[1:-1]
    if numeric:
        return float(text)
    return float(text) if re.fullmatch(r"[-+]?\d+(\.\d+)?", text) else text


def _like(value: str, pattern: str) -> bool:
    glob = re.sub(r"([\[*?])", r"[\1]", pattern).replace("%", "*").replace("_", "?")
    return fnmatchcase(value, glob)
