"""Microsoft's YAML files, with something at each local path that they name."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.contract.schemas import API

_REMOTE = re.compile(r"(azureml:|https?:|git\+|wasbs|abfss|/|<)")


def with_stand_ins(root: Path) -> Path:
    """Copy the files there; the code and data that they name are stand-ins."""
    shutil.copytree(API / "yaml", root)
    for file in [*root.rglob("*.yml"), *root.rglob("*.yaml")]:
        try:
            stand_in(yaml.safe_load(file.read_text()), file.parent)
        except yaml.YAMLError:
            continue
    return root


def stand_in(value: Any, folder: Path) -> None:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, member in members:
        stand_in(member, folder)
        if name not in ("code", "path") or not isinstance(member, str) or "${{" in member:
            continue
        path = folder / member.removeprefix("file:")
        if _REMOTE.match(member) or path.exists():
            continue
        is_file = bool(path.suffix) and not member.endswith("/") and value.get("type") != "mltable"
        file = path if is_file else path / "main.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("print()\n")
