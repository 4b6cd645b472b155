"""Templates: Jinja is rendered, expressions of Azure ML arrive as they were written, wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, XComArg

from airflow_provider_amlrest.lifecycle.naming import MAX_CHOSEN_LENGTH, RUN_IN_A_NAME
from airflow_provider_amlrest.operators import AzureMLSubmitCommandJobOperator
from airflow_provider_amlrest.rest.reading.fields import check_name
from airflow_provider_amlrest.sensors import AzureMLJobSensor
from tools.local_airflow import AIRFLOW_3

START = datetime(2026, 1, 1, tzinfo=UTC)
CONTEXT: dict[str, Any] = {
    "ds": "2026-01-01",
    "params": {"cmd": "echo ${{inputs.x}} {{ no template }}", "name": "x", "nothing": None, "n": 4},
}


@pytest.fixture(params=[False, True], ids=["text", "native"])
def dag(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    arguments: dict[str, Any] = {"template_searchpath": [str(tmp_path)]}
    with DAG(
        "templates", schedule=None, start_date=START, render_template_as_native_obj=request.param, **arguments
    ) as dag:
        yield dag


def job(**arguments: Any) -> Any:
    fields: dict[str, Any] = {"command": "echo", "environment": "e:1", **arguments}
    return AzureMLSubmitCommandJobOperator(task_id="job", **fields)


def rendered(task: Any, **context: Any) -> Any:
    task.render_template_fields({**CONTEXT, "task": task, **context})
    return task


COMMANDS = [
    ("echo ${{inputs.x}}", "echo ${{inputs.x}}"),
    ("echo ${{ inputs.x }} {{ ds }}", "echo ${{ inputs.x }} 2026-01-01"),
    ('{{ "${{inputs.x}}" }}', "${{inputs.x}}"),
    ("{{ '${{inputs.x}}' if ds else '${{inputs.y}}' }}", "${{inputs.x}}"),
    ('{{ "${{inputs.x}}" | upper }}', "${{INPUTS.X}}"),
    ('{{ "${{inputs.x}}" | length }} ${{inputs.x}}', "13 ${{inputs.x}}"),
    ('{{ "${{inputs.x}}" | replace("x", "y") }}', "${{inputs.y}}"),
    ('{% set a = "${{inputs.x}}" %}echo {{ a }}', "echo ${{inputs.x}}"),
    ("{% set a %}${{inputs.x}}{% endset %}echo {{ a }}", "echo ${{inputs.x}}"),
    ("{% filter upper %}${{inputs.x}} {{ ds }}{% endfilter %}", "${{INPUTS.X}} 2026-01-01"),
    ("{% raw %}${{inputs.x}} {{ ds }}{% endraw %}", "${{inputs.x}} {{ ds }}"),
    ("a{# ${{inputs.x}} #}b ${{inputs.y}}", "ab ${{inputs.y}}"),
    ("{% for n in [1, 2] %}${{inputs.x}}-{{ n }} {% endfor %}", "${{inputs.x}}-1 ${{inputs.x}}-2 "),
    ("a {{- ds -}} ${{inputs.x}}", "a2026-01-01${{inputs.x}}"),
    ("${{inputs.{{ params.name }}}}", "${{inputs.x}}"),
    ("${{{ params.name }}}", "${x}"),
    ("$[[--x ${{inputs.x}}]] {{ ds }}", "$[[--x ${{inputs.x}}]] 2026-01-01"),
    ("${{ a ? b }} ${{ 'c }} {{ ds }} ${{", "${{ a ? b }} ${{ 'c }} 2026-01-01 ${{"),
    # As ever: Jinja takes the last newline of what has braces.
    ("echo ${{inputs.x}}\n\n", "echo ${{inputs.x}}\n"),
    ("echo\n\n", "echo\n\n"),
    # Values are no templates.
    ("{{ params.cmd }}", "echo ${{inputs.x}} {{ no template }}"),
    # Text, though Python could read it as something else.
    ("'${{inputs.x}}'", "'${{inputs.x}}'"),
    ("'${{inputs.x}}' '{{ ds }}'", "'${{inputs.x}}' '2026-01-01'"),
    ("[1, '{{ ds }}']", "[1, '2026-01-01']"),
    ("{{ params.n }}", "4"),
]


@pytest.mark.parametrize(("template", "command"), COMMANDS)
def test_a_command_is_rendered_and_azure_ml_expressions_arrive_as_written(
    dag: Any, template: str, command: str
) -> None:
    assert rendered(job(command=template)).command == command


def test_in_members_of_other_fields_as_well(dag: Any) -> None:
    task = rendered(
        job(
            outputs={"m": {"path": "azureml://datastores/d/paths/{{ ds }}/${{name}}/"}},
            environment_variables={
                "A": "{% raw %}${{inputs.x}}{% endraw %}",
                "B": ["${{inputs.x}} {{ ds }}"],
            },
        )
    )
    assert task.outputs == {"m": {"path": "azureml://datastores/d/paths/2026-01-01/${{name}}/"}}
    assert task.environment_variables == {"A": "${{inputs.x}}", "B": ["${{inputs.x}} 2026-01-01"]}


def test_what_a_task_has_made_is_no_template(dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.common.compat.sdk import task as taskflow

    @taskflow
    def make() -> str:
        return ""

    monkeypatch.setattr(
        type(XComArg(make().operator)), "resolve", lambda self, *args, **kwargs: CONTEXT["params"]["cmd"]
    )
    assert rendered(job(command=make())).command == CONTEXT["params"]["cmd"]


def test_a_callable_makes_the_value_itself(dag: Any) -> None:
    command = lambda context, jinja_env: "echo ${{inputs.x}} " + context["ds"]  # noqa: E731
    assert rendered(job(command=command)).command == "echo ${{inputs.x}} 2026-01-01"


def test_from_a_file(dag: Any, tmp_path: Path) -> None:
    class Scripted(AzureMLSubmitCommandJobOperator):
        template_ext = (".sh",)

    (tmp_path / "run.sh").write_text('{% set a = "${{inputs.x}}" %}echo {{ a }} ${{inputs.y}} {{ ds }}\n')
    task = Scripted(task_id="job", command="run.sh", environment="e:1")
    assert rendered(task).command == "echo ${{inputs.x}} ${{inputs.y}} 2026-01-01"


def test_text_is_not_read_as_python(dag: Any) -> None:
    task = rendered(
        job(job_name="{{ 20260101 }}_01", display_name="'{{ ds }}'", experiment_name="{{ 1.10 }}")
    )
    assert (task.job_name, task.display_name, task.experiment_name) == ("20260101_01", "'2026-01-01'", "1.1")
    sensor = rendered(AzureMLJobSensor(task_id="sensor", job_name="{{ 20260101 }}_01"))
    assert sensor.job_name == "20260101_01"


def test_the_dags_own_delimiters_and_filters(tmp_path: Path) -> None:
    with DAG(
        "delimiters",
        schedule=None,
        start_date=START,
        jinja_environment_kwargs={"variable_start_string": "[[", "variable_end_string": "]]"},
        user_defined_filters={"shout": str.upper},
    ):
        task = job(command="echo [[ params.name | shout ]] ${{inputs.x}} {{ ds }} $[[--x]]")
        assert rendered(task).command == "echo X ${{inputs.x}} {{ ds }} $[[--x]]"


def test_a_field_that_is_no_text_is_native_where_the_dag_is(dag: Any) -> None:
    task = rendered(job(limits={"timeout": "{{ params.n }}"}, inputs="{{ {'x': params.n} }}"))
    native = dag.render_template_as_native_obj
    assert task.limits == {"timeout": 4 if native else "4"}
    assert task.inputs == ({"x": 4} if native else "{'x': 4}")


def test_values_of_a_mapped_task_are_rendered_once(dag: Any) -> None:
    mapped = AzureMLSubmitCommandJobOperator.partial(
        task_id="job", environment="e:1", display_name="{{ ds }} ${{inputs.x}}"
    ).expand(command=["echo ${{inputs.x}} {{ ds }}", '{{ "${{inputs.y}}" }}'])
    commands = []
    for index in range(2):
        task = mapped.unmap({"command": mapped.expand_input.value["command"][index]})
        commands.append(rendered(task).command)
        assert task.display_name == "2026-01-01 ${{inputs.x}}"
    assert commands == ["echo ${{inputs.x}} 2026-01-01", "${{inputs.y}}"]


def test_a_path_is_rendered_and_stays_a_path(dag: Any) -> None:
    task = rendered(job(code=Path("{{ params.name }}/src"), inputs={"d": {"path": Path("plain/data")}}))
    assert task.code == Path("x/src")
    assert task.inputs == {"d": {"path": Path("plain/data")}}


RUN_IDS = [
    "scheduled__2026-01-01T00:00:00+00:00",
    "manual__2026-01-01T12:34:56.789012+00:00_aB3",
    "asset_triggered__2026-01-01T12:34:56.789012+00:00",
    "backfill__2026-01-01T00:00:00+00:00",
    "nightly-7",
]


@pytest.mark.parametrize("run_id", RUN_IDS)
def test_the_documented_template_of_a_run_makes_a_name_of_a_job(dag: Any, run_id: str) -> None:
    task = rendered(job(job_name=f"nightly-{RUN_IN_A_NAME}"), run_id=run_id)
    assert check_name("job_name", task.job_name, MAX_CHOSEN_LENGTH).startswith("nightly-")


def test_the_documented_template_of_a_day_needs_no_logical_date(dag: Any) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "idempotency.md"
    [template] = re.findall(r"`(\{\{ dag_run\.[^`]*\}\})`", page.read_text())
    if AIRFLOW_3:
        from airflow.sdk.api.datamodels._generated import DagRun

        run = DagRun.model_construct(logical_date=None, run_after=START)
    else:
        from airflow.models.dagrun import DagRun

        run = DagRun(dag_id="d", run_id="r", execution_date=START)
    assert rendered(job(command=f"echo {template}"), dag_run=run).command == "echo 2026-01-01"
