"""Microsoft's job files, run by our operator against the emulator, as a DAG would run them.

The files lie beside the project (``../shared/api/yaml``), not in it, and without the code and the data that
they name: empty ones stand in, and jobs go by a clock.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace, EmulatorProcess
from airflow_provider_amlrest.operators import AzureMLCreateComponentOperator, AzureMLSubmitJobOperator
from tests.contract.schemas import API
from tests.contract.stand_ins import with_stand_ins
from tests.contract.tally import count
from tests.support.tasks import Try

JOBS = "cli/jobs"
FILES = {
    "basics/hello-world.yml": "command",
    "basics/hello-world-input.yml": "command",
    "basics/hello-world-output.yml": "command",
    "basics/hello-iris-literal.yml": "command",
    "basics/hello-mlflow.yml": "command",
    "basics/hello-sweep.yml": "sweep",
    "basics/hello-pipeline.yml": "pipeline",
    "basics/hello-pipeline-io.yml": "pipeline",
    "basics/hello-pipeline-settings.yml": "pipeline",
    "pipelines-with-components/basics/1a_e2e_local_components/pipeline.yml": "local components",
    "pipelines-with-components/basics/1b_e2e_registered_components/pipeline.yml": "registered components",
    "pipelines-with-components/basics/2a_basic_component/pipeline.yml": "pipeline",
    "pipelines-with-components/basics/2b_component_with_input_output/pipeline.yml": "pipeline",
    "pipelines-with-components/basics/3b_pipeline_with_data/pipeline.yml": "data between steps",
    "pipelines-with-components/basics/4a_local_data_input/pipeline.yml": "local data",
    "pipelines-with-components/basics/5a_env_public_docker_image/pipeline.yml": "environment in a component",
    "pipelines-with-components/pipeline_with_hyperparameter_sweep/pipeline.yml": "sweep in a pipeline",
    "pipelines-with-components/pipeline_with_pipeline_component/"
    "pipeline_with_train_eval_pipeline_component/pipeline.yml": "nested pipelines",
    "pipelines/cifar-10/pipeline.yml": "distributed steps",
    "parallel/3a_mnist_batch_identification/pipeline.yml": "parallel step",
    "spark/serverless-spark-standalone-user-identity.yml": "spark",
    "automl-standalone-jobs/cli-automl-regression-task-hardware-perf/"
    "cli-automl-regression-task-hardware-perf.yml": "AutoML",
}
REGISTERED = "pipelines-with-components/basics/1b_e2e_registered_components"

pytestmark = pytest.mark.skipif(
    not (API / "yaml").is_dir(), reason="the reference data (../shared) is not on this machine"
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_stand_ins(tmp_path_factory.mktemp("yaml") / "yaml")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    emulator = EmulatorProcess(tmp_path_factory.mktemp("emulator"))
    before = dict(os.environ)
    try:
        EmulatedWorkspace(emulator, os.environ.__setitem__).connect("azureml_default")
        yield
    finally:
        emulator.stop()
        os.environ.clear()
        os.environ.update(before)


def run(task: Any, tree: Path) -> Any:
    return Try(task, dag_file=str(tree / JOBS / "dag.py")).execute()


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("file", FILES)
def test_it_runs(tree: Path, file: str) -> None:
    if file.startswith(REGISTERED):
        for name in ("train", "score", "eval"):
            run(
                AzureMLCreateComponentOperator(task_id=name, component=f"{REGISTERED}/{name}.yml"),
                tree,
            )
    given = yaml.safe_load((tree / JOBS / file).read_text())
    overrides: dict[str, Any] = {"tags": {"emulator.seconds": "0.1"}}
    # The emulator has this cluster.
    places = {"": given, "settings.default_": given.get("settings") or {}}
    places |= {f"jobs.{name}.": step for name, step in (given.get("jobs") or {}).items()}
    for place, members in places.items():
        if "compute" in members or (place.startswith("settings") and "default_compute" in members):
            overrides[f"{place}compute"] = "cpu-cluster"
    task = AzureMLSubmitJobOperator(
        task_id=re.sub(r"\W+", "-", file)[-60:].strip("-"), job=file, overrides=overrides, poll_interval=0.2
    )
    result = run(task, tree)
    assert result["status"] == "Completed"
    if "jobs" in given:
        assert {step["name"] for step in result["steps"]} == set(given["jobs"])
        assert {step["status"] for step in result["steps"]} == {"Completed"}
    count(f"of Microsoft's files run: {FILES[file]}")
