"""Train a LightGBM classifier on iris: metrics go to MLflow, the model into the output folder.

It runs inside an Azure ML job, where MLFLOW_TRACKING_URI and MLFLOW_RUN_ID lead to the job's own run.
On a laptop, MLflow writes to a local folder with
``MLFLOW_ALLOW_FILE_STORE=true python train.py --iris-csv ../iris.csv --model /tmp/model``.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import mlflow
import numpy as np

FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
SPECIES = ["setosa", "versicolor", "virginica"]
TEST_SHARE = 0.2


class Samples(NamedTuple):
    features: np.ndarray
    labels: np.ndarray


def read_samples(path: Path) -> Samples:
    """Read the CSV file; an input of type uri_file is a path to the file itself."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    features = np.array([[float(row[name]) for name in FEATURES] for row in rows])
    labels = np.array([SPECIES.index(row["species"]) for row in rows])
    return Samples(features, labels)


def split(samples: Samples, seed: int) -> tuple[Samples, Samples]:
    """Split into a training part and a test part that have the same share of every species."""
    random = np.random.default_rng(seed)
    test = np.zeros(len(samples.labels), dtype=bool)
    for label in range(len(SPECIES)):
        of_label = random.permutation(np.flatnonzero(samples.labels == label))
        test[of_label[: round(len(of_label) * TEST_SHARE)]] = True
    return Samples(samples.features[~test], samples.labels[~test]), Samples(
        samples.features[test], samples.labels[test]
    )


def log_iteration(environment: lightgbm.callback.CallbackEnv) -> None:
    """Send the metrics of one boosting iteration to MLflow (a callback of LightGBM)."""
    metrics = {f"{part}_{metric}": value for part, metric, value, _ in environment.evaluation_result_list}
    mlflow.log_metrics(metrics, step=environment.iteration)


def train(training: Samples, test: Samples, params: dict[str, Any], iterations: int) -> lightgbm.Booster:
    training_set = lightgbm.Dataset(training.features, training.labels, feature_name=FEATURES)
    return lightgbm.train(
        # One thread and a fixed seed: the same inputs give the same model.
        {**params, "objective": "multiclass", "num_class": len(SPECIES), "num_threads": 1, "verbosity": -1},
        training_set,
        num_boost_round=iterations,
        valid_sets=[training_set, training_set.create_valid(test.features, test.labels)],
        valid_names=["train", "test"],
        callbacks=[log_iteration],
    )


def evaluate(model: lightgbm.Booster, test: Samples) -> dict[str, float]:
    """Accuracy and log loss on samples that the model has not seen."""
    probabilities = model.predict(test.features)
    of_truth = probabilities[np.arange(len(test.labels)), test.labels]
    return {
        "accuracy": float(np.mean(probabilities.argmax(axis=1) == test.labels)),
        "log_loss": float(-np.mean(np.log(np.clip(of_truth, 1e-15, 1.0)))),
    }


def write_model(folder: Path, model: lightgbm.Booster, metadata: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    model.save_model(folder / "model.txt")
    (folder / "metadata.json").write_text(json.dumps(metadata, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--iris-csv", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder to write the model to")
    parser.add_argument("--boosting", choices=["gbdt", "dart"], default="gbdt")
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--num-leaves", type=int, default=15)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()

    params = {
        "boosting": arguments.boosting,
        "learning_rate": arguments.learning_rate,
        "num_leaves": arguments.num_leaves,
        "seed": arguments.seed,
    }
    training, test = split(read_samples(arguments.iris_csv), arguments.seed)
    print(f"{len(training.labels)} samples to train on, {len(test.labels)} to test on; {params}", flush=True)

    with mlflow.start_run():
        mlflow.log_params({**params, "iterations": arguments.iterations})
        model = train(training, test, params, arguments.iterations)
        metrics = evaluate(model, test)
        mlflow.log_metrics(metrics)

    metadata = {"features": FEATURES, "classes": SPECIES, "params": params, "metrics": metrics}
    write_model(arguments.model, model, metadata)
    print(
        f"accuracy {metrics['accuracy']:.4f}, log loss {metrics['log_loss']:.4f}; model in {arguments.model}"
    )


if __name__ == "__main__":
    main()
