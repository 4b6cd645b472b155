"""Expressions in commands and in an output's path."""

from __future__ import annotations

import pytest

from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.placeholders import resolve, resolve_path


def test_placeholders() -> None:
    text = "a ${{inputs.x}} ${{ inputs.x }} ${{search_space.lr}} ${{name}} $HOME"
    assert resolve(text, {"inputs": {"x": "/in"}}) == "a /in /in ${{search_space.lr}} ${{name}} $HOME"
    assert resolve("${{inputs.x}}", {"inputs": {"x": "${{inputs.y}}"}}) == "${{inputs.y}}"
    with pytest.raises(JobError, match=r"outputs\.model.*Its outputs: best, other"):
        resolve("${{outputs.model}}", {"outputs": {"other": "", "best": ""}})
    assert resolve_path("a/${{name}}/${{ name }}", {"name": "j"}) == "a/j/j"
    with pytest.raises(JobError, match=r"has \$\{\{parent\.name\}\}; an output's path can have name"):
        resolve_path("a/${{parent.name}}", {"name": "j"})
