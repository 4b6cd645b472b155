"""The operators. Importing one loads nothing of azure, requests or aiohttp, and none of the others.

The public list is ``__init__.pyi``.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

MODULES = {
    name: module
    for module, name in re.findall(
        r"^from \.(\w+) import (\w+)", Path(__file__).with_suffix(".pyi").read_text(), re.MULTILINE
    )
}
"""Operator -> its module."""
__all__ = sorted(MODULES)


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
