"""Deliberate faults in what goes over the wire: the contract tests must catch each of them.

``make mutation`` copies the project to a temporary folder, puts one fault at a time into the copy, and runs
the contract tests on it. A fault that they do not notice survives, and the run fails. Microsoft's reference
data must be there, because the contract tests check nothing without it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.resource_faults import RESOURCE_FAULTS
from tools.wire_faults import JOB_FAULTS, REST, Fault

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT.parent / "shared"
COPIED = ("airflow_provider_amlrest", "tests", "tools", "pyproject.toml")

FAULTS = (*JOB_FAULTS, *RESOURCE_FAULTS)


def files_of(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/contract/test_{name}.py" for name in names)


# The quick ones first. Tests of what a user writes and what the emulator answers are not about requests.
TESTS = files_of("recorded_requests", "recorded_answers", "example_jobs", "paths", "examples", "requests")
RESOURCE_TESTS = files_of(
    "recorded_resources", "resource_sessions", "resource_requests", "resource_golden", "paths"
)
"""Those for faults in the code of resources."""
PYTEST = ("-x", "-q", "--tb=no", "-rf", "-p", "no:cacheprovider", "--hypothesis-profile=first")
CAUGHT = re.compile(r"^FAILED (?P<test>tests/contract/.+?) - (?P<why>.+)$", re.MULTILINE)
BY_A_CHECK = re.compile(
    r"assert |[\w.]*(AssertionError|ValidationError|InvalidSpecError|ISO8601Error|Failed)\b"
)
"""How a failure begins that a test or a schema found, and not a crash before that."""


def main() -> int:
    """Run the contract tests on every fault, and print the results. Returns 1 if one survived."""
    if not REFERENCE.is_dir():
        print(f"Reference data is missing at {REFERENCE}: nothing would be checked.")
        return 1
    with tempfile.TemporaryDirectory(prefix="amlrest-mutation-") as folder:
        checkout = copy_project(Path(folder))
        started = time.monotonic()
        failure = run_tests(checkout, tuple(dict.fromkeys((*TESTS, *RESOURCE_TESTS))))
        if failure is not None:
            print(f"The contract tests fail without a fault: {failure}")
            return 1
        print(f"Without a fault they pass, in {time.monotonic() - started:.0f} s. With one:\n", flush=True)
        survivors = [fault for fault in FAULTS if not is_caught(checkout, fault)]
    caught, seconds = len(FAULTS) - len(survivors), time.monotonic() - started
    print(f"\n{caught} of {len(FAULTS)} faults are caught ({seconds:.0f} s).")
    return 1 if survivors else 0


def copy_project(folder: Path) -> Path:
    """Copy what the contract tests need, next to the reference data as in the original."""
    checkout = folder / "checkout"
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, checkout / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
            )
        else:
            shutil.copy(source, checkout / name)
    (folder / "shared").symlink_to(REFERENCE)
    return checkout


def is_caught(checkout: Path, fault: Fault) -> bool:
    """Whether a check of the contract tests fails because of the fault. Prints which."""
    file = checkout / REST / fault.file
    original = file.read_text()
    file.write_text(fault.source(checkout))
    try:
        failure = run_tests(checkout, RESOURCE_TESTS if fault.file.startswith("resources/") else TESTS)
    finally:
        file.write_text(original)
    match = CAUGHT.search(failure or "")
    caught = match is not None and BY_A_CHECK.match(match["why"]) is not None
    test = match["test"].partition("::")[2] if match else failure or "no test fails"
    print(f"{'caught' if caught else 'SURVIVES':9} {fault.what:34} {fault.file:27} {test[:90]}", flush=True)
    return caught


def run_tests(checkout: Path, tests: tuple[str, ...]) -> str | None:
    """The end of pytest's output if a test fails; None if all pass."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PYTEST, *tests],
        cwd=checkout,
        # No compiled files, because two writes within a second would look the same to Python.
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else done.stdout[-3000:]


if __name__ == "__main__":
    sys.exit(main())
