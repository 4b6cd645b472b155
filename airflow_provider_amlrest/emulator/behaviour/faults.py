"""What a test can change in a running emulator: settings, throttling and fault rules."""

from __future__ import annotations

import itertools
import math
import re
import threading
import time
from dataclasses import dataclass, field, fields
from typing import Any, Literal

RateLimits = dict[str, tuple[float, float]]
"""``{"reads": (bucket size, refill per second)}``; kinds: reads, writes, deletes."""

QUOTA: RateLimits = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}
"""Resource Manager's, since 2024, of one principal in one subscription and region."""
ALL_PRINCIPALS = 15
"""How many times as much all principals of a subscription have together."""
KIND_OF_METHOD = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


@dataclass
class Tuning:
    """Settings of the admin route."""

    token_lifetime_seconds: float = 3600.0
    authentication_context: str | None = None
    """What Conditional Access demands of tokens, such as ``c1``: others get a claims challenge."""
    sas_lifetime_seconds: float = 8 * 3600.0
    provisioning_seconds: float = 0.0
    """How long a new environment's version, and any new asset of a registry, is Creating."""
    operation_seconds: float = 1.0
    """How long operations on endpoints and deployments take, besides what a process needs to start, where
    neither tag nor rule says it. With 0 an operation has ended when its first poll comes."""
    compute_seconds: float = 2.0
    """How long it takes to make, change, start, stop and delete a compute, and to get a node for a job."""
    honours_repeatability: bool = False
    """Whether a batch endpoint answers a request whose ``repeatability-request-id`` it knows with the job
    that it has made of it. What the service does is not published."""
    page_size: int = 20
    """Items on a page of a list."""
    job_seconds: float = 2.0
    """How long simulated jobs stay in each status after Queued, where neither tag nor script says it. With 0
    a job is at rest before its creation is answered: whoever polls, however seldom, need not poll at all."""
    list_lag_seconds: float = 0.0
    """Lists do not show what is younger than this: the service's lists are eventually consistent."""
    rate_limit: RateLimits | None = None
    """Token buckets that answer 429 when empty; None: headers as of Azure's, no refusals."""

    def reset(self) -> None:
        """All settings as they are at a start."""
        for f in fields(self):
            setattr(self, f.name, f.default)

    def change(self, values: dict[str, Any]) -> None:
        """Set some of the settings, all or none.

        Raises:
            ValueError: an unknown name or an impossible value; nothing is changed then.
        """
        names = {f.name for f in fields(self)}
        unknown = sorted(set(values) - names)
        if unknown:
            raise ValueError(f"unknown setting {unknown[0]!r}; there are {', '.join(sorted(names))}")
        checked = {name: _checked_setting(name, value) for name, value in values.items()}
        for name, value in checked.items():
            setattr(self, name, value)


def _checked_setting(name: str, value: Any) -> Any:
    if name == "rate_limit":
        return _checked_limits(value)
    if name == "authentication_context":
        if value is not None and not re.fullmatch(r"c\d{1,2}", str(value)):
            raise ValueError(f"authentication_context must be c1 to c99 or null, not {value!r}")
        return value
    if name == "honours_repeatability":
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, not {value!r}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} must be a number >= 0, not {value!r}")
    if name == "page_size":
        if value < 1 or value != int(value):
            raise ValueError(f"page_size must be a whole number >= 1, not {value!r}")
        return int(value)
    return float(value)


def _checked_limits(value: Any) -> RateLimits | None:
    if value is None:
        return None
    example = '{"reads": [250, 25], "writes": [200, 10]}'
    try:
        limits = {str(kind): (float(size), float(refill)) for kind, (size, refill) in value.items()}
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"rate_limit must look like {example}, not {value!r}") from None
    if set(limits) - set(QUOTA) or any(size < 1 or refill <= 0 for size, refill in limits.values()):
        raise ValueError(f"rate_limit must look like {example} with positive numbers, not {value!r}")
    return limits


class _Bucket:
    """Tokens that come back with time."""

    def __init__(self, size: float, refill: float) -> None:
        self._size, self._refill = size, refill
        self._level, self._at = size, time.monotonic()

    def take(self) -> float:
        """Take a token; the seconds until there is one, 0 if there was."""
        now = time.monotonic()
        self._level = min(self._size, self._level + (now - self._at) * self._refill)
        self._at = now
        if self._level < 1:
            return (1 - self._level) / self._refill
        self._level -= 1
        return 0.0

    @property
    def left(self) -> int:
        return int(self._level)


@dataclass(frozen=True)
class Quota:
    """What Resource Manager says of its limits with an answer."""

    kind: str
    left: int
    left_of_all: int
    """Shared by all principals of the subscription, which is this one."""
    wait: int
    """Seconds to wait; 0: the request may go on."""

    @property
    def headers(self) -> dict[str, str]:
        name = "x-ms-ratelimit-remaining-subscription"
        return {f"{name}-{self.kind}": str(self.left), f"{name}-global-{self.kind}": str(self.left_of_all)}


class RateLimiter:
    """ARM's quota of one subscription and principal."""

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self._limits: RateLimits | None = None
        self._buckets = _buckets(None)

    def spend(self, method: str) -> Quota:
        kind, limits = KIND_OF_METHOD.get(method, "writes"), self._tuning.rate_limit
        if limits is not self._limits:
            self._limits, self._buckets = limits, _buckets(limits)
        own, everybodys = self._buckets[kind]
        wait = own.take()
        everybodys.take()
        refused = wait if kind in (limits or ()) else 0.0
        return Quota(kind, own.left, everybodys.left, math.ceil(refused))


def _buckets(limits: RateLimits | None) -> dict[str, tuple[_Bucket, _Bucket]]:
    """Per kind of request: the principal's, and everybody's."""
    sizes = {**QUOTA, **(limits or {})}
    return {
        kind: (_Bucket(size, refill), _Bucket(ALL_PRINCIPALS * size, ALL_PRINCIPALS * refill))
        for kind, (size, refill) in sizes.items()
    }


@dataclass
class FaultRule:
    """When a request matches, something goes wrong instead of, before or after its handling."""

    id: str
    path: str
    """Regular expression that is searched for in the path, ignoring case."""
    method: str | None = None
    times: int | None = 1
    """How many requests it hits; None: all."""
    when: Literal["before", "after"] = "before"
    """``after``: the request takes effect, and its answer is lost or replaced."""
    delay_seconds: float = 0.0
    drop: bool = False
    """Reset the connection."""
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    """Text, or what becomes JSON."""
    hits: int = 0

    def matches(self, method: str, path: str) -> bool:
        return (
            (self.times is None or self.hits < self.times)
            and (self.method is None or self.method == method)
            and re.search(self.path, path, re.IGNORECASE) is not None
        )


class FaultRules:
    """Rules in the order they came; the first that matches hits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._rules: list[FaultRule] = []

    def add(self, values: dict[str, Any]) -> FaultRule:
        """Add a rule from its JSON form.

        Raises:
            ValueError: says which field is wrong.
        """
        rule = FaultRule(id=str(next(self._numbers)), **_checked_rule(values))
        with self._lock:
            self._rules.append(rule)
        return rule

    def all(self) -> list[FaultRule]:
        with self._lock:
            return list(self._rules)

    def remove(self, rule_id: str | None = None) -> int:
        """Remove one rule, or all; how many went."""
        with self._lock:
            kept = [rule for rule in self._rules if rule_id is not None and rule.id != rule_id]
            removed = len(self._rules) - len(kept)
            self._rules = kept
            return removed

    def hit(self, method: str, path: str) -> FaultRule | None:
        """The rule that this request hits, counted."""
        with self._lock:
            for rule in self._rules:
                if rule.matches(method, path):
                    rule.hits += 1
                    return rule
        return None


def _checked_rule(values: dict[str, Any]) -> dict[str, Any]:
    kinds: dict[str, tuple[type, ...]] = {
        "path": (str,),
        "method": (str, type(None)),
        "times": (int, type(None)),
        "when": (str,),
        "delay_seconds": (int, float),
        "drop": (bool,),
        "status": (int, type(None)),
        "headers": (dict,),
        "body": (object,),
    }
    for name, value in values.items():
        if name not in kinds:
            raise ValueError(f"unknown field {name!r} in a fault rule; there are {', '.join(kinds)}")
        if not isinstance(value, kinds[name]) or (isinstance(value, bool) and name not in ("drop", "body")):
            raise ValueError(f"field {name!r} of a fault rule cannot be {value!r}")
    checked = dict(values)
    if "path" not in checked:
        raise ValueError("a fault rule needs 'path', a regular expression")
    try:
        re.compile(checked["path"])
    except re.error as error:
        raise ValueError(f"'path' is not a regular expression: {error}") from None
    if checked.get("when", "before") not in ("before", "after"):
        raise ValueError(f"'when' must be before or after, not {checked['when']!r}")
    if checked.get("method"):
        checked["method"] = checked["method"].upper()
    actions = [name for name in ("drop", "status") if checked.get(name)]
    if len(actions) > 1 or not (actions or checked.get("delay_seconds")):
        raise ValueError(
            "a fault rule needs 'status', 'drop': true, or 'delay_seconds' (which goes with either)"
        )
    return checked
