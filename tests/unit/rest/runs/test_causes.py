"""What jobs fail of, recognised in texts as tools and the service write them.

Where a text is that of a public issue, its number stands beside it; the others are what the tools print.
"""

from __future__ import annotations

import pytest

from airflow_provider_amlrest.rest.runs.causes import CAUSES, diagnose

ENDED = "UserError: Execution failed. User process 'bash' exited with status code {}. Please check log file"

TRACEBACK = """\
epoch 1
Traceback (most recent call last):
  File "/mnt/azureml/cr/j/1/exe/wd/src/train.py", line 41, in <module>
    main()
  File "/mnt/azureml/cr/j/1/exe/wd/src/train.py", line 12, in main
    model.fit(frame)
  File "/azureml-envs/e/lib/python3.11/site-packages/sklearn/base.py", line 1389, in wrapper
    return fit_method(estimator, *args, **kwargs)
{}
"""

CASES = [
    # MachineLearningNotebooks#1242
    (
        "pre-emption",
        "PreemptionError: Nodes of this job got pre-empted. Check if the run has failed",
        "",
        "back",
    ),
    ("node lost", "AzureMLCompute job failed. The node became unusable during the run.", "", "not the job"),
    # mslearn-dp100#35
    (
        "quota",
        "JobNodeCountExceedsCoreQuota: The specified subscription has a Standard DSv2 family vCPU quota of 2",
        "",
        "no room",
    ),
    ("compute not usable", "UserError: Compute instance ci-7 is stopped.", "", "stopped, disabled or gone"),
    (
        "no such image",
        "ImageBuildFailure: Unable to pull",
        "Error response from daemon: manifest for python:9.9 not found: manifest unknown",
        "cannot be pulled",
    ),
    (
        "conda conflict",
        "ImageBuildFailure: exited with status code 1",
        "failed\n\nResolvePackageNotFound: \n  - numpy=9.9\n  - cudatoolkit=1\n\nstep 3\n",
        "conda finds no versions",
    ),
    ("pip conflict", "", "ERROR: No matching distribution found for lightgbm==99", "pip finds no versions"),
    # mslearn-ai-fundamentals#52
    ("input missing", "ScriptExecution.StreamAccess.NotFound: NotFound", "", "path does not exist"),
    # azureml-examples#2994
    (
        "storage refused",
        "ScriptExecution.WriteStreams.Authentication: Authentication failed when trying to access it.",
        "",
        "refuses the job's identity",
    ),
    (
        "GPU out of memory",
        ENDED.format(1),
        TRACEBACK.format("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"),
        "The GPU ran out of memory.",
    ),
    (
        "disk full",
        ENDED.format(1),
        TRACEBACK.format("OSError: [Errno 28] No space left on device"),
        "disk is full",
    ),
    ("out of memory", ENDED.format(1), TRACEBACK.format("MemoryError"), "memory did not suffice"),
    ("killed", ENDED.format(137), "epoch 1", "SIGKILL"),
    (
        "no such module",
        ENDED.format(1),
        TRACEBACK.format("ModuleNotFoundError: No module named 'lightgbm'"),
        "no module lightgbm",
    ),
    (
        "no such script",
        ENDED.format(2),
        "python: can't open file '/wd/src/trian.py': [Errno 2] No such file or directory",
        "no script /wd/src/trian.py",
    ),
    ("no such program", ENDED.format(127), "bash: line 1: pyton: command not found", "no program pyton"),
]


@pytest.mark.parametrize(("name", "message", "log_end", "problem"), CASES, ids=[name for name, *_ in CASES])
def test_of_the_table(name: str, message: str, log_end: str, problem: str) -> None:
    found = diagnose(message, log_end)
    assert found is not None
    [cause] = [cause for cause in CAUSES if cause.name == name]
    assert problem in found.problem
    assert found.advice == cause.advice
    assert found.evidence
    assert found.evidence in f"{message}\n{log_end}"


def test_each_cause_has_a_case() -> None:
    assert [name for name, *_ in CASES] == [cause.name for cause in CAUSES]


def test_a_conda_conflict_has_its_lines() -> None:
    [case] = [case for case in CASES if case[0] == "conda conflict"]
    found = diagnose(*case[1:3])
    assert found is not None
    assert found.evidence == "ResolvePackageNotFound: \n  - numpy=9.9\n  - cudatoolkit=1"


def test_an_exception_is_placed_in_the_users_own_code() -> None:
    found = diagnose(ENDED.format(1), TRACEBACK.format("ValueError: could not convert string to float: 'x'"))
    assert found is not None
    assert found.problem == "The script raised ValueError in line 12 of train.py."
    assert found.evidence == "ValueError: could not convert string to float: 'x'"


def test_a_traceback_may_follow_other_words_in_the_services_message() -> None:
    traceback = TRACEBACK.format("KeyError: 'a'").removeprefix("epoch 1\n")
    found = diagnose(f"{ENDED.format(1)} for error details. Error: {traceback}", "")
    assert found is not None
    assert found.problem == "The script raised KeyError in line 12 of train.py."


def test_the_last_exception_counts() -> None:
    log = TRACEBACK.format("KeyError: 'a'") + "\nDuring handling of the above exception:\n\n"
    found = diagnose("", log + TRACEBACK.format("RuntimeError: no data"))
    assert found is not None
    assert found.problem.startswith("The script raised RuntimeError")


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("1", "The command ended with exit code 1."),
        ("139", "The process was ended by signal 11 (SIGSEGV: a crash in native code)."),
        ("-11", "The process was ended by signal 11 (SIGSEGV: a crash in native code)."),
        ("143", "The process was ended by signal 15 (SIGTERM: something asked it to end)."),
        ("255", "The command ended with exit code 255."),
    ],
)
def test_of_an_exit_code(code: str, problem: str) -> None:
    found = diagnose(ENDED.format(code), "")
    assert found is not None
    assert found.problem == problem


@pytest.mark.parametrize(
    "log", ["", "loss 0.1", "Preemption is handled by a checkpoint each hour, quota of 3"]
)
def test_nothing_is_guessed(log: str) -> None:
    assert diagnose("no such column", log) is None


@pytest.mark.parametrize(
    "log",
    [
        "a" * 4_000_000,
        "\n" * 1_000_000,
        "Traceback (most recent call last):\n " * 50_000,
        "compute " * 500_000,
    ],
    ids=["one line", "no lines", "tracebacks", "words"],
)
@pytest.mark.timeout(30)
def test_no_log_takes_long(log: str) -> None:
    """Jobs write what they like."""
    assert diagnose("UserError: x", log) is None
    diagnose(log, "")
