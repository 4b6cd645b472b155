"""The driver of parallel nodes by itself: what its worker processes do to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.runtime import parallel_driver

FRAME = """
class Frame:
    def to_csv(self, sep, header, index):
        return f"1{sep}a\\n2{sep}b\\n"

def run(mini_batch):
    return Frame()
"""


def drive(folder: Path, script: str, **settings: Any) -> tuple[int, str, list[str]]:
    """Exit code, output and rows of a script over three files, one in a mini-batch."""
    (folder / "script.py").write_text(script)
    (folder / "data").mkdir()
    for name in ("1", "2", "3"):
        (folder / "data" / name).write_text(name)
    given = {
        "entry_script": "script.py",
        "input_data": str(folder / "data"),
        "append_row_to": str(folder / "rows"),
        "mini_batch_size": 1,
        "workers": 1,
        "max_retries": 0,
        "timeout": 30,
        "mini_batch_error_threshold": 0,
        "error_threshold": -1,
        **settings,
    }
    done = subprocess.run(
        [sys.executable, "-I", parallel_driver.__file__, json.dumps(given), "--own", "argument"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    rows = (folder / "rows").read_text().splitlines() if (folder / "rows").exists() else []
    return done.returncode, done.stdout + done.stderr, rows


def test_a_worker_is_begun_once_and_sees_its_arguments(tmp_path: Path) -> None:
    script = (
        "import sys\ncalls = 0\ndef run(batch):\n global calls\n calls += 1\n return [(calls, *sys.argv[1:])]"
    )
    code, _, rows = drive(tmp_path, script)
    assert code == 0
    assert rows == [f"({call}, '--own', 'argument')" for call in (1, 2, 3)]


def test_a_mini_batch_that_takes_too_long(tmp_path: Path) -> None:
    script = "import time\ndef run(batch):\n time.sleep(60 if batch[0].endswith('2') else 0)\n return batch"
    code, said, rows = drive(tmp_path, script, timeout=1, mini_batch_error_threshold=1)
    assert (code, len(rows)) == (0, 2)
    assert "1 mini-batches failed, 1 may" in said


@pytest.mark.parametrize(
    "script", ["def init():\n  raise ValueError('no model')\n", "syntax error", "exit(3)"]
)
def test_a_script_that_does_not_begin(tmp_path: Path, script: str) -> None:
    code, said, rows = drive(tmp_path, script)
    assert (code, rows) == (1, [])
    assert "init() failed" in said


def test_a_worker_that_dies(tmp_path: Path) -> None:
    script = "import os\ndef run(batch):\n  return batch if batch[0].endswith('3') else os._exit(1)"
    assert drive(tmp_path, script, mini_batch_error_threshold=2)[0] == 0
    assert (tmp_path / "rows").read_text().endswith("data/3\n")


def test_the_rows_of_a_data_frame(tmp_path: Path) -> None:
    assert drive(tmp_path, FRAME)[2] == ["1 a", "2 b"] * 3


def test_no_rows_are_wanted(tmp_path: Path) -> None:
    assert drive(tmp_path, "def run(batch):\n  return batch", append_row_to=None)[0] == 0
    assert not (tmp_path / "rows").exists()
