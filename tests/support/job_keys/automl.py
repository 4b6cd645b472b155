"""Keys of AutoML jobs."""

from __future__ import annotations

from tests.support.job_keys.shared import RESOURCES, TABLE, Members

MINIMAL = {
    "task": "classification",
    "training_data": TABLE,
    "target_column_name": "y",
    "compute": "azureml:cpu",
}
KEYS = {
    "task": "classification",
    "primary_metric": "auc_weighted",
    "target_column_name": "y",
    "log_verbosity": "info",
    **dict.fromkeys(("training_data", "validation_data", "test_data"), TABLE),
    "limits": {"max_trials": 3},
    "featurization": {"mode": "auto"},
    "training": {"enable_vote_ensemble": True},
    "forecasting": {"forecast_horizon": 3},
    "n_cross_validations": 3,
    **dict.fromkeys(("validation_data_size", "test_data_size"), 0.2),
    "cv_split_column_names": ["a"],
    "weight_column_name": "w",
    "positive_label": "yes",
    "training_parameters": {"number_of_epochs": 3},
    "search_space": [{"model_name": "x"}],
    "sweep": {"sampling_algorithm": "random"},
    "environment_id": "azureml:env:1",
    "resources": {"instance_count": 2},
}
MEMBERS = (
    Members("resources", RESOURCES),
    Members("limits", dict.fromkeys(("timeout_minutes", "trial_timeout_minutes"), 60)),
    Members("limits", dict.fromkeys(("max_trials", "max_concurrent_trials", "max_cores_per_trial"), 2)),
    Members("limits", {"enable_early_termination": True, "exit_score": 0.9, "max_nodes": 2}),
)
