"""Keys of sweep jobs."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_amlrest.rest.jobs.sweep import SamplingAlgorithm
from tests.support.job_keys.shared import OF_A_RUN, RESOURCES, RUN, Members, Tried
from tests.unit.jobs import SWEEP

_COMMAND = "python main.py --lr ${{search_space.lr}}"
_OBJECTIVE = {"goal": "minimize", "primary_metric": "loss"}
_DELAYED = dict.fromkeys(("evaluation_interval", "delay_evaluation"), 1)
MINIMAL = {
    "trial": {**RUN, "command": _COMMAND},
    "compute": "azureml:cpu",
    "search_space": {"lr": {"type": "choice", "values": [1, 2]}},
    "objective": _OBJECTIVE,
}
KEYS = {
    **{f"trial.{key}": value for key, value in OF_A_RUN.items()},
    "trial.command": _COMMAND,
    "search_space": MINIMAL["search_space"],
    "objective": _OBJECTIVE,
    "sampling_algorithm": "random",
    "early_termination": {"type": "median_stopping"},
    "limits": {"max_total_trials": 4},
}
MEMBERS = (
    Members("trial.resources", RESOURCES),
    Members("limits", dict.fromkeys(("max_total_trials", "max_concurrent_trials"), 2)),
    Members("limits", dict.fromkeys(("timeout", "trial_timeout"), 60)),
    Members("objective", _OBJECTIVE, _OBJECTIVE),
    Members("sampling_algorithm", {"type": "random", "rule": "sobol", "seed": 1}, {"type": "random"}),
    Members("early_termination", {"type": "median_stopping", **_DELAYED}, {"type": "median_stopping"}),
    Members("early_termination", dict.fromkeys(("slack_factor", "slack_amount"), 0.1), {"type": "bandit"}),
    Members("early_termination", {"truncation_percentage": 20}, {"type": "truncation_selection"}),
)
FEATURES = {
    "a rule or a seed": Tried(
        [
            ("sampling_algorithm", replace(SWEEP, sampling_algorithm=SamplingAlgorithm("random", "sobol"))),
            ("sampling_algorithm", replace(SWEEP, sampling_algorithm=SamplingAlgorithm("random", seed=0))),
        ],
        ("RandomSamplingAlgorithm", "seed", None),
    ),
}
