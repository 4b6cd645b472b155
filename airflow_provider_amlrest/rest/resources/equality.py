"""Whether a resource is as wanted. What the service adds, and its way of writing, make no difference."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from airflow_provider_amlrest.rest.times import duration

EXACT = frozenset({"environmentVariables", "traffic", "mirrorTraffic"})
"""Mappings of the user's own to which the service adds nothing: a key too many is a difference."""
WRITE_ONLY = frozenset({"adminUserPassword", "password"})
"""What no answer has."""
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
    return list(_of_mapping("", wanted, now, of_user))


def _of_mapping(
    where: str, wanted: Mapping[str, Any], now: Mapping[str, Any], of_user: Collection[str]
) -> Iterator[str]:
    is_of_user = where in of_user
    for name, value in wanted.items():
        key = name if is_of_user else next((key for key in now if key.lower() == name.lower()), name)
        has_no_wish = value in NO_WISH and name not in EXACT
        if has_no_wish or name in WRITE_ONLY or (key not in now and not is_of_user):
            continue
        member = f"{where}.{name}".lstrip(".")
        if isinstance(value, Mapping) and isinstance(now.get(key), Mapping):
            yield from _of_mapping(member, value, now[key], of_user)
        elif not _same(value, now.get(key), exactly=is_of_user):
            yield f"{member}: {now.get(key)!r} -> {value!r}"
    if where.rpartition(".")[2] in EXACT:
        yield from (
            f"{where}.{name}: {now[name]!r} -> none" for name in now if name not in wanted and now[name]
        )


def _same(wanted: Any, now: Any, *, exactly: bool) -> bool:
    if wanted == now or (wanted == 0 and now is None):
        return True
    if isinstance(wanted, list | tuple) and isinstance(now, list | tuple):
        pairs = zip(wanted, now, strict=False)
        return len(wanted) == len(now) and all(_same_item(one, other) for one, other in pairs)
    if exactly or not isinstance(wanted, str) or not isinstance(now, str):
        return False
    # Ids, and words of the service such as Key, which it writes in its own way.
    is_spelled_alike = wanted.lower() == now.lower() or (duration(wanted) or -1) == duration(now)
    return is_spelled_alike or _is_labelled(wanted, now)


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
