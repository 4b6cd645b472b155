"""The metrics of AutoML, by the service's names and definitions."""

from __future__ import annotations

from typing import Any


def classification_metrics(fitted: Any, x: Any, y: Any) -> dict[str, float]:
    """Each class against the rest, weighted by its rows; or all classes alike (macro)."""
    import numpy as np
    from sklearn import metrics

    predicted, classes = fitted.predict(x), fitted.classes_
    likely = fitted.predict_proba(x)
    truth = (np.asarray(y)[:, None] == classes[None, :]).astype(int)
    # A class that is not among the rows to be rated has no curve.
    seen = (truth.sum(axis=0) > 0) & (truth.sum(axis=0) < len(truth))
    weights = truth[:, seen].sum(axis=0)
    recall = metrics.recall_score(y, predicted, average="macro", zero_division=0)
    chance = 1 / len(classes)
    return {
        "accuracy": float(metrics.accuracy_score(y, predicted)),
        "AUC_weighted": _weighted(metrics.roc_auc_score, truth[:, seen], likely[:, seen], weights),
        "average_precision_score_weighted": _weighted(
            metrics.average_precision_score, truth[:, seen], likely[:, seen], weights
        ),
        "norm_macro_recall": float((recall - chance) / (1 - chance)) if chance < 1 else float("nan"),
        "precision_score_weighted": float(
            metrics.precision_score(y, predicted, average="weighted", zero_division=0)
        ),
    }


def _weighted(score: Any, truth: Any, likely: Any, weights: Any) -> float:
    """The mean over the classes, each against the rest, by how many rows each has."""
    import numpy as np

    if not len(weights):
        return float("nan")
    found = [score(truth[:, index], likely[:, index]) for index in range(truth.shape[1])]
    return float(np.average(found, weights=weights))


def regression_metrics(fitted: Any, x: Any, y: Any, spread: float) -> dict[str, float]:
    """Errors are in shares of the spread, which lies between the largest target and the smallest."""
    import numpy as np
    from scipy.stats import spearmanr  # type: ignore[import-untyped]
    from sklearn import metrics

    predicted = fitted.predict(x)
    scale = spread or float("nan")
    return {
        "normalized_root_mean_squared_error": float(np.sqrt(np.mean((predicted - y) ** 2))) / scale,
        "normalized_mean_absolute_error": float(metrics.mean_absolute_error(y, predicted)) / scale,
        "r2_score": float(metrics.r2_score(y, predicted)),
        "spearman_correlation": float(spearmanr(y, predicted).statistic),
    }
