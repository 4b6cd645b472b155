"""The algorithms, under the names that Azure ML has for them."""

from __future__ import annotations

from typing import Any


def model(task: str, algorithm: str, cores: int) -> Any:
    """An estimator of that algorithm, with its library's own settings but for these."""
    kind = "Classifier" if task == "Classification" else "Regressor"
    if algorithm == "LightGBM":
        import lightgbm

        return getattr(lightgbm, f"LGBM{kind}")(n_jobs=cores, random_state=0, verbose=-1)
    from sklearn import ensemble, linear_model, naive_bayes, neighbors, tree

    seeded = {"random_state": 0}
    on_cores = {"n_jobs": cores}
    smooth = {"loss": "log_loss"} if task == "Classification" else {}
    known: dict[str, tuple[Any, str, dict[str, Any]]] = {
        "RandomForest": (ensemble, f"RandomForest{kind}", seeded | on_cores),
        "ExtremeRandomTrees": (ensemble, f"ExtraTrees{kind}", seeded | on_cores),
        "GradientBoosting": (ensemble, f"GradientBoosting{kind}", seeded),
        "DecisionTree": (tree, f"DecisionTree{kind}", seeded),
        "KNN": (neighbors, f"KNeighbors{kind}", on_cores),
        "SGD": (linear_model, f"SGD{kind}", seeded | smooth),
        "LogisticRegression": (linear_model, "LogisticRegression", {"max_iter": 1000}),
        "BernoulliNaiveBayes": (naive_bayes, "BernoulliNB", {}),
        "ElasticNet": (linear_model, "ElasticNet", {"alpha": 0.01}),
        "LassoLars": (linear_model, "LassoLars", {"alpha": 0.001}),
    }
    module, name, settings = known[algorithm]
    return getattr(module, name)(**settings)


def missing_algorithms(task: str, algorithms: list[str]) -> dict[str, str]:
    """Those that cannot be made here, and why not."""
    missing = {}
    for algorithm in algorithms:
        try:
            model(task, algorithm, 1)
        except (ImportError, OSError) as error:  # OSError: a library of the system that LightGBM wants
            missing[algorithm] = str(error)
    return missing


def pipeline(plan: dict[str, Any], numbers: int, categories: int) -> Any:
    """Numbers are imputed and scaled, categories become columns of ones and zeros; then the algorithm."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    scaled = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    encoded = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts = (
        ("numbers", scaled, list(range(numbers))),
        ("categories", encoded, list(range(numbers, numbers + categories))),
    )
    prepared = ColumnTransformer([part for part in parts if part[2]])
    return make_pipeline(prepared, model(plan["task"], plan["algorithm"], plan["cores"]))
