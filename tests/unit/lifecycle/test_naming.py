from __future__ import annotations

from dataclasses import replace
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_amlrest.lifecycle.naming import MAX_ATTEMPTS, TaskIdentity, job_names
from airflow_provider_amlrest.rest.ids import NAME_PATTERN

NIGHTLY = TaskIdentity("iris", "train.model", "scheduled__2026-11-23T00:00:00+00:00", -1, 1)


def test_recipe_is_frozen() -> None:
    # Golden: a changed recipe would make the jobs unfindable that run while the provider is upgraded.
    assert NIGHTLY.digest == "6f628ecf8eb60604"
    assert list(islice(job_names(NIGHTLY), 3)) == [
        "iris-train-model-6f628ecf8eb60604",
        "iris-train-model-6f628ecf8eb60604-2",
        "iris-train-model-6f628ecf8eb60604-3",
    ]


def test_each_part_of_the_identity_counts() -> None:
    others = [
        replace(NIGHTLY, dag_id="iris2"),
        replace(NIGHTLY, task_id="train_model"),
        replace(NIGHTLY, run_id="manual__1"),
        replace(NIGHTLY, map_index=0),
        replace(NIGHTLY, generation=2),
        replace(NIGHTLY, run_start="2026-11-23T00:00:01+00:00"),
        replace(NIGHTLY, airflow_name="staging"),
    ]
    assert len({next(job_names(identity)) for identity in [NIGHTLY, *others]}) == 8


def test_parts_cannot_run_into_each_other() -> None:
    assert (
        replace(NIGHTLY, dag_id="a", task_id="b-c").digest
        != replace(NIGHTLY, dag_id="a-b", task_id="c").digest
    )


def test_chosen_name_is_the_first_and_a_clear_makes_a_new_one() -> None:
    assert list(islice(job_names(NIGHTLY, "mine"), 2)) == ["mine", "mine-2"]
    assert list(islice(job_names(replace(NIGHTLY, generation=2), "mine"), 2)) == ["mine-g2", "mine-g2-2"]


def test_names_end() -> None:
    names = list(job_names(NIGHTLY))
    assert len(names) == len(set(names)) == MAX_ATTEMPTS


@given(st.builds(TaskIdentity, st.text(), st.text(), st.text(), st.integers(-1), st.integers(1)))
def test_every_identity_has_names_that_azure_ml_takes(identity: TaskIdentity) -> None:
    for name in islice(job_names(identity), 2):
        assert NAME_PATTERN.fullmatch(name)
        # Room for the suffixes of trials and children.
        assert len(name) <= 128
