"""``make ui``: the emulator and Airflow with the example DAGs, to click through until Ctrl-C."""

from __future__ import annotations

import sys
import time

from tools.local_stack import ROOT, LocalStack
from tools.services import ServiceError, free_port, interruptible

TRAINING, SERVING, SCHEDULED = DAG_IDS = ("lightgbm_iris_training", "train_gate_deploy", "retrain_if_better")


def welcome(stack: LocalStack) -> str:
    """What a new user can click."""
    facts = stack.emulator.facts
    dags = f"{stack.airflow.url}/dags"
    return f"""
  Airflow      {stack.airflow.url}   (no login; only this machine can reach it)
  Azure ML     the emulator's workspace "{facts["workspace_name"]}", connection azureml_default
  Logs         {stack.logs}

  1. Open {dags}/{TRAINING}
  2. Click "Trigger" (the arrow at the top right), then "Trigger" again in the dialog.
  3. Watch the grid: environment, data and code, a training job, a sweep of 8 trials. About a minute.
     Click a square to see the task, its log and its XCom; its tab "Azure ML job" shows the job, its metrics
     and trials. The tab "Azure ML jobs" of a run, and Browse > Azure ML, show several jobs.
  4. {dags}/{SERVING} brings a model into service. Trigger it with 10 iterations,
     then as it is, for a better model, and then with the data iris_mislabeled.csv, for a bad one that is
     rolled back. A minute each. The tab "Azure ML job" of compare shows both models, that of
     rollout.shift who gets the requests.
  5. {SCHEDULED} is scheduled, and paused: switch it on, and it trains and decides.

  Ctrl-C stops everything."""


def main() -> int:
    try:
        with (
            interruptible(),
            LocalStack(ROOT / "build" / "ui", say=print, port=free_port(8080), triggerers=1) as stack,
        ):
            stack.airflow.wait_for_dags(DAG_IDS)
            for dag_id in (TRAINING, SERVING):  # the other one has a schedule and would start by itself
                stack.airflow.api.unpause(dag_id)
            print(welcome(stack), flush=True)
            while True:
                stack.check()
                time.sleep(1)
    except ServiceError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEverything has stopped.")
        return 0


if __name__ == "__main__":
    sys.exit(main())
