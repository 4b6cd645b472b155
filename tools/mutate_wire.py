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
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT.parent / "shared"
REST = "airflow_provider_amlrest/rest"
COPIED = ("airflow_provider_amlrest", "tests", "tools", "pyproject.toml")

# The quick ones first. Tests of what a user writes and what the emulator answers are not about requests.
TESTS = [
    f"tests/contract/test_{name}.py"
    for name in (
        "recorded_requests",
        "recorded_answers",
        "example_jobs",
        "paths",
        "examples",
        "requests",
    )
]
PYTEST = ("-x", "-q", "--tb=no", "-rf", "-p", "no:cacheprovider", "--hypothesis-profile=first")
CAUGHT = re.compile(r"^FAILED (?P<test>tests/contract/.+?) - (?P<why>.+)$", re.MULTILINE)
BY_A_CHECK = re.compile(
    r"assert |[\w.]*(AssertionError|ValidationError|InvalidSpecError|ISO8601Error|Failed)\b"
)
"""How a failure begins that a test or a schema found, and not a crash before that."""


@dataclass(frozen=True)
class Fault:
    """``old`` becomes ``new``; ``old`` is in its file exactly once."""

    what: str
    file: str
    old: str
    new: str

    def source(self, root: Path) -> str:
        """The file with the fault."""
        text = (root / REST / self.file).read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.what}: {self.old!r} is {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)


FAULTS = (
    # Requests: names, nesting, types
    Fault("a renamed member", "jobs/command.py", "environmentVariables=dict(", "envVariables=dict("),
    Fault("a name in another case", "assets/data.py", "dataUri=data.uri", "dataURI=data.uri"),
    Fault(
        "a member at the wrong level",
        "jobs/spec.py",
        '{"jobTier": job.job_tier.capitalize()}',
        "job.job_tier",
    ),
    Fault("a required member missing", "jobs/command.py", "        environmentId=run.environment,\n", ""),
    Fault(
        "one text in another's place",
        "jobs/spec.py",
        "displayName=job.display_name",
        "displayName=job.description",
    ),
    Fault("a member lost", "jobs/command.py", "        shmSize=resources.shm_size,\n", ""),
    Fault(
        "a number where a text belongs",
        "jobs/input_wire.py",
        '"value": value.value}',
        '"value": len(value.value)}',
    ),
    Fault(
        "seconds where a duration belongs", "versions/words.py", 'f"PT{-int(-seconds // 1)}S"', "str(seconds)"
    ),
    Fault("a duration rounded down", "versions/words.py", "PT{-int(-seconds // 1)}S", "PT{int(seconds)}S"),
    Fault(
        "a number left out for being 0",
        "versions/words.py",
        "if value is not None and value != {}}",
        "if value}",
    ),
    Fault("the hash's version missing", "assets/code.py", ', "hash_version": HASH_VERSION}', "}"),
    # Requests: words and kinds
    Fault("an enum's value misspelt", "versions/words.py", '"ReadOnlyMount"', '"ReadonlyMount"'),
    Fault("an enum's value as we write it", "jobs/sweep.py", "value.goal.capitalize()", "value.goal"),
    Fault(
        "a wrong discriminator",
        "jobs/sweep.py",
        '{"jobLimitsType": "Sweep", **',
        '{"jobLimitsType": "Command", **',
    ),
    Fault("a discriminator in another case", "versions/words.py", '"PyTorch"', '"Pytorch"'),
    Fault(
        "two values of an enum swapped", "jobs/sweep.py", '"bandit": "Bandit"', '"bandit": "MedianStopping"'
    ),
    Fault(
        "another version's spelling",
        "versions/spelling.py",
        "if self.api_version == PREVIEW_2022_02",
        "if False",
    ),
    Fault(
        "a first version too early",
        "jobs/spec.py",
        '"queue settings", "2023-10-01"',
        '"queue settings", "2023-04-01"',
    ),
    Fault(
        "a feature that no version lacks",
        "jobs/spec.py",
        "lambda service: service.all_nodes",
        "lambda service: False",
    ),
    # Requests: the search space
    Fault(
        "a distribution's arguments flat",
        "jobs/search_space.py",
        "list(distribution.arguments)]",
        "*distribution.arguments]",
    ),
    Fault(
        "a choice's values once in a list",
        "jobs/search_space.py",
        "[[_encode_value(value) for value in distribution.arguments[0]]]",
        "[_encode_value(value) for value in distribution.arguments[0]]",
    ),
    # Requests: the oldest version
    Fault("a later version's member", "jobs/wire_2021.py", "target=target", "computeId=target"),
    Fault(
        "processes per node, not in all",
        "jobs/wire_2021.py",
        "processCount=total",
        "processCount=value.process_count_per_instance",
    ),
    Fault("a word in another case", "assets/data.py", '"datasetType": "Simple"', '"datasetType": "simple"'),
    Fault("a binding by another name", "jobs/wire_2021.py", '{"dataId": value.uri', '{"dataUri": value.uri'),
    Fault("a literal that is not quoted", "jobs/wire_2021.py", "shlex.quote(value.value)", "value.value"),
    Fault(
        "a parameter's flag without dashes",
        "jobs/wire_2021.py",
        'found[0]["flag"] if found',
        'found[0]["flag"].strip("-") if found',
    ),
    # Paths and queries
    Fault("a wrong path", "assets/operations.py", '/startPendingUpload"', '/pendingUpload"'),
    Fault(
        "a wrong query parameter",
        "assets/operations.py",
        '"hashVersion": HASH_VERSION',
        '"hash_version": HASH_VERSION',
    ),
    Fault(
        "a query's value in another case",
        "workspace/operations.py",
        '{"isDefault": "true"}',
        '{"isDefault": "True"}',
    ),
    Fault("a parameter without its dollar", "assets/operations.py", '"$orderBy"', '"orderBy"'),
    Fault("a body without its envelope", "calls.py", '{"properties": properties})', "properties)"),
    Fault("a wrong method", "jobs/operations.py", '"POST", f"{path}/cancel"', '"PUT", f"{path}/cancel"'),
    Fault("a body where none is allowed", "workspace/operations.py", '/listSecrets")', '/listSecrets", {})'),
    # Answers
    Fault("null members of a map kept", "versions/words.py", "if member is not None}", "}"),
    Fault("a null output", "jobs/wire.py", "_read_output(value or {})", "_read_output(value)"),
    Fault("a null map", "versions/words.py", "in (value or {}).items()", "in value.items()"),
    Fault(
        "an answer's member renamed",
        "workspace/resources.py",
        'fields.get("containerName")',
        'fields.get("container")',
    ),
    Fault(
        "another member read",
        "jobs/wire.py",
        '"compute": properties.get("computeId")',
        '"compute": properties.get("componentId")',
    ),
    Fault(
        "an answer's word kept as it is",
        "jobs/wire.py",
        'str(objective["goal"]).lower()',
        'str(objective["goal"])',
    ),
    Fault("a link that is never found", "jobs/wire.py", '.get("Studio")', '.get("studio")'),
    Fault(
        "conda that is only JSON",
        "assets/environment.py",
        'parsed = yaml.safe_load(text or "")',
        "parsed = None",
    ),
    Fault(
        "the default for what is there",
        "assets/environment.py",
        'properties.get("osType") or "Linux"',
        '"Linux"',
    ),
    Fault(
        "a name out of the wrong place",
        "versions/words.py",
        "*_, name, _, version =",
        "*_, _, name, version =",
    ),
    Fault("a status that is lost", "jobs/wire.py", 'properties.get("status") or "Unknown"', '"Unknown"'),
)


def main() -> int:
    """Run the contract tests on every fault, and print the results. Returns 1 if one survived."""
    if not REFERENCE.is_dir():
        print(f"Reference data is missing at {REFERENCE}: nothing would be checked.")
        return 1
    with tempfile.TemporaryDirectory(prefix="amlrest-mutation-") as folder:
        checkout = copy_project(Path(folder))
        started = time.monotonic()
        failure = run_tests(checkout)
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
        failure = run_tests(checkout)
    finally:
        file.write_text(original)
    match = CAUGHT.search(failure or "")
    caught = match is not None and BY_A_CHECK.match(match["why"]) is not None
    test = match["test"].partition("::")[2] if match else failure or "no test fails"
    print(f"{'caught' if caught else 'SURVIVES':9} {fault.what:34} {fault.file:27} {test[:90]}", flush=True)
    return caught


def run_tests(checkout: Path) -> str | None:
    """The end of pytest's output if a test fails; None if all pass."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PYTEST, *TESTS],
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
