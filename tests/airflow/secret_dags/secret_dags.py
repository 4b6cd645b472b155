"""Jobs that get secrets of Airflow's in all the ways that there are, and print them."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_amlrest.operators import AzureMLSubmitCommandJobOperator
from airflow_provider_amlrest.sensors import AzureMLJobSensor

PASSWORD = "{{ conn.vault.password }}"
VARIABLE = "{{ var.value.api_secret }}"
PRINTING = f"echo {PASSWORD}; echo input=${{{{inputs.key}}}}; echo $KEY; printf '%s\\n' \"$PEM\"; sleep 3"
OF_FAILED = "{{ ti.xcom_pull(task_ids='fail', key='azureml_job')['name'] }}"

for mode in ("sync", "deferred"):
    deferrable = mode == "deferred"
    with DAG(f"secret_{mode}", schedule=None, catchup=False):
        tasks = [
            AzureMLSubmitCommandJobOperator(
                task_id=task_id,
                command=f"{PRINTING}; {end}",
                environment="AzureML-anything:1",
                environment_variables={"KEY": VARIABLE, "PEM": "{{ var.value.pem_secret }}"},
                inputs={"key": VARIABLE},
                tags={"owner": PASSWORD},
                compute="cpu-cluster",
                display_name=f"job of {PASSWORD}",
                deferrable=deferrable,
                poll_interval=1,
            )
            for task_id, end in (("train", "true"), ("fail", f"echo {PASSWORD} >&2; exit 3"))
        ]
        sensors = [
            AzureMLJobSensor(
                task_id="sense", job_name=tasks[0].output["name"], poke_interval=1, deferrable=deferrable
            ),
            AzureMLJobSensor(
                task_id="sense_failed",
                job_name=OF_FAILED,
                poke_interval=1,
                deferrable=deferrable,
                trigger_rule="all_done",
            ),
        ]
        tasks[1] >> sensors[1]
