"""Whether a resource is as wanted. What the service adds, and its way of writing, make no difference."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from airflow_provider_amlrest.rest.http.errors import without_keys
from airflow_provider_amlrest.rest.times import duration

EXACT = frozenset({"environmentVariables", "traffic", "mirrorTraffic", "userAssignedIdentities"})
"""Mappings of the user's own to which the service adds nothing: a key too many is a difference."""
KEYED = frozenset({"userAssignedIdentities", "collections", "settings"})
"""Mappings of the user's own, which the service writes in its way: a key that is missing is a difference."""
ENVELOPE: Mapping[str, Any] = {"identity": {"type": "None"}, "tags": {}}
"""What an answer leaves out if there is none. Only in the properties it has null instead (recorded)."""
TEXTS = frozenset({"description", "scoringScript", "outputFileName", "modelMountPath"})
"""Texts of the user's own: letters make a difference."""
WRITE_ONLY = frozenset({"adminUserPassword", "password"})
"""What no answer has."""
SECRET = frozenset({"environmentVariables"}) | WRITE_ONLY
"""Whose values are not shown: they may be secrets, and Airflow cannot know those of before, to mask them."""
NO_WISH: tuple[Any, ...] = (None, {}, "NotSpecified")

_LABEL = re.compile(r"(?:.*/(?P<name>[^/]+)/labels/|azureml:(?P<short>[^:@/]+)@)[\w.\-]+")
"""``azureml://registries/azureml/environments/NAME/labels/latest``, and ``azureml:NAME@latest`` of a curated
one: what the service resolves, and not we."""


def differences(wanted: Mapping[str, Any], now: Mapping[str, Any], of_user: Collection[str]) -> list[str]:
    """Where a resource differs from the body of a PUT: ``properties.instanceType: 'a' -> 'b'``.

    :param of_user: mappings whose keys and values are the user's own, ``tags``: they are compared letter by
        letter. Of all others, an answer has the members that its api-version has: what it does not have
        cannot be compared.
    """
    return list(_of_mapping("", wanted, {**ENVELOPE, **now}, of_user))


def _of_mapping(
    where: str, wanted: Mapping[str, Any], now: Mapping[str, Any], of_user: Collection[str]
) -> Iterator[str]:
    is_of_user, last = where in of_user, where.rpartition(".")[2]
    keys = {} if is_of_user else {key.lower(): key for key in now}
    for name, value in wanted.items():
        key = keys.get(name.lower(), name)
        has_no_wish = value in NO_WISH and name not in EXACT and last not in KEYED
        if has_no_wish or name in WRITE_ONLY or (key not in now and not is_of_user and last not in KEYED):
            continue
        member = f"{where}.{name}".lstrip(".")
        if isinstance(value, Mapping) and isinstance(now.get(key), Mapping):
            yield from _of_mapping(member, value, now[key], of_user)
        elif key not in now or not _same(value, now[key], exactly=is_of_user or name in TEXTS):
            yield f"{member}: {_shown(member, now.get(key))!r} -> {_shown(member, value)!r}"
    if last in EXACT:
        names = wanted if is_of_user else {name.lower() for name in wanted}
        for name in now:
            if now[name] and (name if is_of_user else name.lower()) not in names:
                yield f"{where}.{name}: {_shown(where, now[name])!r} -> none"


def _shown(member: str, value: Any) -> Any:
    """The value without what may be a secret."""
    if value is not None and not SECRET.isdisjoint(member.split(".")):
        return "***"
    if isinstance(value, Mapping):
        return {name: _shown(str(name), inner) for name, inner in value.items()}
    return without_keys(value) if isinstance(value, str) else value


def _same(wanted: Any, now: Any, *, exactly: bool) -> bool:
    if wanted == now or (wanted == 0 and now is None):
        return True
    if isinstance(wanted, list | tuple) and isinstance(now, list | tuple):
        pairs = zip(wanted, now, strict=False)
        return len(wanted) == len(now) and all(_same_item(one, other) for one, other in pairs)
    if exactly or not isinstance(wanted, str | int | float) or not isinstance(now, str | int | float):
        return False
    # Ids, regions, and words of the service such as Key, which it writes in its own way; numbers as text.
    one, other = ("".join(str(value).lower().split()) for value in (wanted, now))
    is_spelled_alike = one == other or (duration(wanted) or -1) == duration(now)
    return is_spelled_alike or _is_labelled(str(wanted), str(now))


def _is_labelled(wanted: str, now: str) -> bool:
    """Whether it is a version of what a label stands for. Which one that is, the service decides."""
    label = _LABEL.fullmatch(wanted)
    if label is None:
        return False
    name = re.escape(label["name"] or label["short"])
    return re.search(rf"[/:]{name}(?:/versions/|:)[^/:]+$", now, re.IGNORECASE) is not None


def _same_item(wanted: Any, now: Any) -> bool:
    if isinstance(wanted, Mapping) and isinstance(now, Mapping):
        return not differences(wanted, now, ())
    return _same(wanted, now, exactly=False)
