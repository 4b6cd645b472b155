"""How operations on resources go, and how a deployment then serves: what tags say, and rules beside them.

===========================  ===========================================================================
tag or field of a rule       meaning
===========================  ===========================================================================
``emulator.outcome``         ``succeeded`` (default), ``failed``, ``stuck`` (under way for ever, at 0 %),
                             ``unhealthy`` (a deployment that has succeeded, and then does not serve)
``emulator.seconds``         how long the operation takes, besides what a process needs to start (default:
                             the setting ``operation_seconds``)
``emulator.error``           message of the error when it fails
``emulator.operation``       ``known`` (default), ``forgotten``: its URLs answer 404 OperationNotFound,
                             although it runs
``emulator.healthy_seconds`` how long an ``unhealthy`` deployment serves before it stops (default 0)
``emulator.answer``          JSON that a deployment without a process answers (default: its name)
``emulator.answer_status``   the status of that answer (default 200)
``emulator.answer_seconds``  how long it takes (default 0)
===========================  ===========================================================================
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_amlrest.emulator.behaviour.scripts import TAG_PREFIX, number_in

OUTCOMES = ("succeeded", "failed", "stuck", "unhealthy")
OPERATIONS = ("known", "forgotten")
TEXT_FIELDS = ("outcome", "error", "operation")
NUMBER_FIELDS = ("seconds", "healthy_seconds", "answer_status", "answer_seconds")
FIELDS = (*TEXT_FIELDS, *NUMBER_FIELDS, "answer")


@dataclass(frozen=True)
class Provisioning:
    """How one operation goes, and what comes after it."""

    outcome: str
    seconds: float
    error: str | None
    forgotten: bool
    healthy_seconds: float
    answer: str | None
    """JSON text; None: the default."""
    answer_status: int
    answer_seconds: float

    @property
    def takes_no_time(self) -> bool:
        return self.seconds == 0 and self.outcome != "stuck"


def read_provisioning(tags: Mapping[str, str], operation_seconds: float) -> Provisioning:
    """What the tags say.

    Raises:
        ValueError: names the tag that cannot be read.
    """
    outcome = _word(tags, "emulator.outcome", OUTCOMES)
    status = int(number_in(tags, "emulator.answer_status", 200))
    if not 200 <= status <= 599:
        raise ValueError(f"emulator.answer_status is {status}, not a status of 200 to 599.")
    return Provisioning(
        outcome=outcome,
        seconds=number_in(tags, "emulator.seconds", operation_seconds),
        error=tags.get("emulator.error"),
        forgotten=_word(tags, "emulator.operation", OPERATIONS) == "forgotten",
        healthy_seconds=number_in(tags, "emulator.healthy_seconds", 0.0),
        answer=_json_text(tags, "emulator.answer"),
        answer_status=status,
        answer_seconds=number_in(tags, "emulator.answer_seconds", 0.0),
    )


def _word(tags: Mapping[str, str], tag: str, words: tuple[str, ...]) -> str:
    """The word that a tag says; the first of them if it says nothing."""
    word = tags.get(tag, words[0])
    if word not in words:
        raise ValueError(f"{tag} is {word!r}, not one of {', '.join(words)}.")
    return word


def _json_text(tags: Mapping[str, str], tag: str) -> str | None:
    text = tags.get(tag)
    try:
        json.loads(text or "null")
    except ValueError:
        raise ValueError(f"{tag} is {text!r}, not JSON.") from None
    return text


@dataclass
class ProvisioningRule:
    """How the operations on the resources that it matches go."""

    id: str
    resource: str
    """Regular expression for the whole of the name, or of the path below the workspace."""
    times: int | None
    """For how many operations it is good; None: all."""
    says: dict[str, Any]
    """Fields of the table above, without the prefix."""
    resources: list[str] = field(default_factory=list)
    """The paths of the resources whose operations went by it."""

    def matches(self, path: str) -> bool:
        is_good = self.times is None or len(self.resources) < self.times
        names = (path, path.rpartition("/")[2])
        return is_good and any(re.fullmatch(self.resource, name, re.IGNORECASE) for name in names)


class ProvisioningRules:
    """Rules in the order they came. An operation goes by the first that matches when it begins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._rules: list[ProvisioningRule] = []

    def add(self, values: dict[str, Any]) -> ProvisioningRule:
        """Add a rule from its JSON form.

        Raises:
            ValueError: says which field is wrong.
        """
        rule = _checked(str(next(self._numbers)), values)
        with self._lock:
            self._rules.append(rule)
        return rule

    def all(self) -> list[ProvisioningRule]:
        with self._lock:
            return list(self._rules)

    def remove(self, rule_id: str | None = None) -> int:
        """Remove one rule, or all; how many went."""
        with self._lock:
            kept = [rule for rule in self._rules if rule_id is not None and rule.id != rule_id]
            removed = len(self._rules) - len(kept)
            self._rules = kept
            return removed

    def tags(self, path: str, tags: Mapping[str, str]) -> dict[str, str]:
        """The tags that an operation goes by: those of its resource, and over them those of its rule."""
        own = {name: text for name, text in tags.items() if name.startswith(TAG_PREFIX)}
        with self._lock:
            for rule in self._rules:
                if rule.matches(path):
                    rule.resources.append(path)
                    return {**own, **_as_tags(rule.says)}
        return own


def _as_tags(says: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"{TAG_PREFIX}{name}": value if name in TEXT_FIELDS else json.dumps(value)
        for name, value in says.items()
    }


def _checked(number: str, values: dict[str, Any]) -> ProvisioningRule:
    unknown = sorted(set(values) - {"resource", "times", *FIELDS})
    if unknown:
        raise ValueError(
            f"unknown field {unknown[0]!r} in a rule; there are resource, times, {', '.join(FIELDS)}"
        )
    says = {name: value for name, value in values.items() if name in FIELDS}
    for name, value in says.items():
        kinds = str if name in TEXT_FIELDS else int | float if name in NUMBER_FIELDS else object
        if not isinstance(value, kinds) or (isinstance(value, bool) and name != "answer"):
            raise ValueError(f"field {name!r} of a rule cannot be {value!r}")
    resource, times = values.get("resource"), values.get("times")
    if not isinstance(resource, str):
        raise ValueError("a rule needs 'resource', a regular expression")
    try:
        re.compile(resource)
    except re.error as error:
        raise ValueError(f"'resource' is not a regular expression: {error}") from None
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise ValueError(f"'times' must be a whole number >= 1 or null, not {times!r}")
    read_provisioning(_as_tags(says), 0.0)
    return ProvisioningRule(number, resource, times, says)
