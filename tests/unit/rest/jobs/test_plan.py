"""The steps of a pipeline as the service has them, whoever has submitted it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_amlrest.rest.jobs.plan import PlannedStep, read_plan


def bound(path: str) -> dict[str, str]:
    return {"job_input_type": "literal", "value": f"${{{{ parent.{path} }}}}"}


def test_what_steps_wait_for() -> None:
    jobs = {
        "prepare": {"type": "command", "componentId": "/c/1", "inputs": {"data": bound("inputs.data")}},
        "train": {
            "type": "sweep",
            "display_name": "Train it",
            "trial": {"componentId": "/c/2"},
            "objective": {"goal": "Maximize", "primary_metric": "auc"},
            "inputs": {
                "a": bound("jobs.prepare.outputs.a"),
                "b": bound("jobs.prepare.outputs.b"),
                "rate": {"job_input_type": "literal", "value": "0.1"},
            },
        },
        "compare": {
            "type": "command",
            "inputs": {"new": bound("jobs.train.outputs.m"), "old": bound("jobs.prepare.outputs.a")},
        },
    }
    assert read_plan(jobs) == {
        "prepare": PlannedStep("prepare", "command", "prepare", (), "/c/1"),
        "train": PlannedStep("train", "sweep", "Train it", ("prepare",), "/c/2", "maximize", "auc"),
        "compare": PlannedStep("compare", "command", "compare", ("prepare", "train")),
    }


def test_two_expressions_in_one_input() -> None:
    text = "${{parent.jobs.a.outputs.x}}/${{parent.jobs.b.outputs.y}}"
    jobs = {"a": {}, "b": {}, "c": {"inputs": {"both": {"value": text}}}}
    assert read_plan(jobs)["c"].waits_for == ("a", "b")


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "text",
        {"a": None},
        {"a": {"inputs": ["x"], "trial": 7, "objective": "o", "type": None}},
        {"a": {"inputs": {"x": {"value": 7}, "y": None, "z": bound("jobs.none.outputs.o")}}},
    ],
)
def test_what_cannot_be_read_is_left_out(odd: Any) -> None:
    assert [step.waits_for for step in read_plan(odd).values()] == [()] * len(read_plan(odd))
