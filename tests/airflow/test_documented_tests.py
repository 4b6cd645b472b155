"""The tests that docs/emulator.md shows to users, run as it tells them to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from airflow_provider_amlrest.emulator.storage.azurite import cache_dir

PAGE = Path(__file__).resolve().parents[2] / "docs" / "emulator.md"


def test_the_example_of_the_page(tmp_path: Path) -> None:
    text = PAGE.read_text().partition("## Test your own DAGs")[2].partition("### Jobs that really run")[0]
    files: dict[str, str] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if named := re.match(r"# (\S+\.py)\n", block):
            files[named[1]] = block
        else:  # a further test of the same file
            files["tests/test_training.py"] += block
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    lines = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    assert lines[0].startswith("pip install 'airflow-provider-amlrest[emulator]'")
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        ["bash", "-euc", "\n".join(lines[1:])],
        cwd=tmp_path,
        env={
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "AMLREST_EMULATOR_CACHE": str(cache_dir()),
        },
        capture_output=True,
        text=True,
    )
    tests = sum(content.count("\ndef test_") for content in files.values())
    assert tests == 4
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert f"{tests} passed" in done.stdout
