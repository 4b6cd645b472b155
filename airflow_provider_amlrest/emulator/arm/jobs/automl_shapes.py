"""What an AutoML job is asked for: its task, and the settings of tasks on tables."""

from __future__ import annotations

from airflow_provider_amlrest.emulator.arm.jobs.shapes import URI
from airflow_provider_amlrest.emulator.arm.shapes import (
    Field,
    ListOf,
    MapOf,
    NotEmulated,
    OneOf,
    Place,
    Reader,
    Record,
    Union,
    anything,
    boolean,
    duration,
    filled,
    integer,
    number,
    of_previews,
    positive,
    required,
    text,
)

CLASSIFICATION_METRICS = {
    "AUCWeighted": "AUC_weighted",
    "Accuracy": "accuracy",
    "NormMacroRecall": "norm_macro_recall",
    "AveragePrecisionScoreWeighted": "average_precision_score_weighted",
    "PrecisionScoreWeighted": "precision_score_weighted",
}
REGRESSION_METRICS = {
    "SpearmanCorrelation": "spearman_correlation",
    "NormalizedRootMeanSquaredError": "normalized_root_mean_squared_error",
    "R2Score": "r2_score",
    "NormalizedMeanAbsoluteError": "normalized_mean_absolute_error",
}
METRICS = CLASSIFICATION_METRICS | REGRESSION_METRICS
"""As a job names its primary metric -> as its runs log it."""

TREES = ("DecisionTree", "ExtremeRandomTrees", "GradientBoosting", "KNN", "LightGBM", "RandomForest", "SGD")
CLASSIFIERS = (
    *TREES,
    *("BernoulliNaiveBayes", "LinearSVM", "LogisticRegression", "MultinomialNaiveBayes", "SVM"),
    "XGBoostClassifier",
)
REGRESSORS = (*TREES, "ElasticNet", "LassoLars", "XGBoostRegressor")
FORECASTERS = (
    *REGRESSORS,
    *("Arimax", "AutoArima", "Average", "ExponentialSmoothing", "Naive", "Prophet", "SeasonalAverage"),
    *("SeasonalNaive", "TCNForecaster"),
)

MLTABLE = Union("jobInputType", mltable=Record("MLTableJobInput", **URI))


def _auto_or(type_name: str, **custom: Reader | Field) -> Union:
    return Union("mode", Auto=Record(f"Auto{type_name}"), Custom=Record(f"Custom{type_name}", **custom))


LIMITS = Record(
    "TableVerticalLimitSettings",
    maxTrials=Field(positive, 1000),
    trialTimeout=Field(duration, "PT30M"),
    timeout=Field(duration, "PT6H"),
    maxConcurrentTrials=Field(positive, 1),
    maxCoresPerTrial=Field(integer, -1),
    exitScore=number,
    enableEarlyTermination=Field(boolean, default=True),
    # Which previews have these, Microsoft's client of today says: it sends them with 2024-01-01-preview.
    maxNodes=of_previews("2022-12-01", "2024-04-01"),
    sweepTrials=of_previews("2022-12-01", "2024-04-01"),
    sweepConcurrentTrials=of_previews("2022-12-01", "2024-04-01"),
)
FEATURIZATION = Record(
    "TableVerticalFeaturizationSettings",
    datasetLanguage=text,
    mode=Field(OneOf("Auto", "Custom", "Off"), "Auto"),
    blockedTransformers=ListOf(
        OneOf(
            *("TextTargetEncoder", "OneHotEncoder", "CatTargetEncoder", "TfIdf", "WoETargetEncoder"),
            *("LabelEncoder", "WordEmbedding", "NaiveBayes", "CountVectorizer", "HashOneHotEncoder"),
        )
    ),
    columnNameAndTypes=MapOf(text),
    transformerParams=Field(
        MapOf(ListOf(Record("ColumnTransformer", fields=ListOf(text), parameters=anything))), dict
    ),
    enableDnnFeaturization=Field(boolean, default=False),
)
ENSEMBLE = Record(
    "StackEnsembleSettings",
    stackMetaLearnerType=Field(
        OneOf(
            *("None", "LogisticRegression", "LogisticRegressionCV", "LightGBMClassifier", "ElasticNet"),
            *("ElasticNetCV", "LightGBMRegressor", "LinearRegression"),
        ),
        "None",
    ),
    stackMetaLearnerTrainPercentage=Field(number, 0.2),
    stackMetaLearnerKWargs=anything,
)


def _training(type_name: str, algorithms: tuple[str, ...]) -> Record:
    return Record(
        type_name,
        enableOnnxCompatibleModels=Field(boolean, default=False),
        stackEnsembleSettings=ENSEMBLE,
        enableStackEnsemble=Field(boolean, default=True),
        enableVoteEnsemble=Field(boolean, default=True),
        ensembleModelDownloadTimeout=Field(duration, "PT5M"),
        enableModelExplainability=Field(boolean, default=True),
        enableDnnTraining=Field(boolean, default=False),
        allowedTrainingAlgorithms=ListOf(OneOf(*algorithms)),
        blockedTrainingAlgorithms=ListOf(OneOf(*algorithms)),
        trainingMode=of_previews("2022-12-01", "2024-04-01"),
    )


def _task(type_name: str, metrics: dict[str, str], default: str, **own: Reader | Field) -> Record:
    return Record(
        type_name,
        logVerbosity=Field(OneOf("NotSet", "Debug", "Info", "Warning", "Error", "Critical"), "Info"),
        trainingData=required(MLTABLE),
        # Microsoft's schemas let it be left out, for tasks that have none; those on tables have one.
        targetColumnName=required(filled),
        limitSettings=Field(LIMITS, lambda: LIMITS({}, Place(()))),
        nCrossValidations=_auto_or("NCrossValidations", value=required(positive)),
        cvSplitColumnNames=ListOf(text),
        weightColumnName=text,
        validationData=MLTABLE,
        testData=MLTABLE,
        validationDataSize=number,
        testDataSize=number,
        featurizationSettings=FEATURIZATION,
        primaryMetric=Field(OneOf(*metrics), default),
        fixedParameters=of_previews("2022-12-01", "2024-04-01"),
        searchSpace=of_previews("2022-12-01", "2024-04-01"),
        sweepSettings=of_previews("2022-12-01", "2024-04-01"),
        **own,
    )


FORECASTING = Record(
    "ForecastingSettings",
    countryOrRegionForHolidays=text,
    timeColumnName=text,
    targetLags=_auto_or("TargetLags", values=required(ListOf(integer))),
    targetRollingWindowSize=_auto_or("TargetRollingWindowSize", value=required(integer)),
    forecastHorizon=_auto_or("ForecastHorizon", value=required(positive)),
    timeSeriesIdColumnNames=ListOf(text),
    frequency=text,
    featureLags=Field(OneOf("None", "Auto"), "None"),
    seasonality=_auto_or("Seasonality", value=required(integer)),
    shortSeriesHandlingConfig=Field(OneOf("None", "Auto", "Pad", "Drop"), "Auto"),
    useStl=Field(OneOf("None", "Season", "SeasonTrend"), "None"),
    targetAggregateFunction=Field(OneOf("None", "Sum", "Max", "Min", "Mean"), "None"),
    cvStepSize=integer,
    featuresUnknownAtForecastTime=of_previews("2023-02-01", "2024-04-01"),
)
IMAGES_AND_TEXT = NotEmulated("AutoML tasks on images and text")
TASK = Union(
    "taskType",
    Classification=_task(
        "Classification",
        CLASSIFICATION_METRICS,
        "AUCWeighted",
        positiveLabel=text,
        trainingSettings=_training("ClassificationTrainingSettings", CLASSIFIERS),
    ),
    Regression=_task(
        "Regression",
        REGRESSION_METRICS,
        "NormalizedRootMeanSquaredError",
        trainingSettings=_training("RegressionTrainingSettings", REGRESSORS),
    ),
    Forecasting=_task(
        "Forecasting",
        REGRESSION_METRICS,
        "NormalizedRootMeanSquaredError",
        forecastingSettings=FORECASTING,
        trainingSettings=_training("ForecastingTrainingSettings", FORECASTERS),
    ),
    ImageClassification=IMAGES_AND_TEXT,
    ImageClassificationMultilabel=IMAGES_AND_TEXT,
    ImageInstanceSegmentation=IMAGES_AND_TEXT,
    ImageObjectDetection=IMAGES_AND_TEXT,
    TextClassification=IMAGES_AND_TEXT,
    TextClassificationMultilabel=IMAGES_AND_TEXT,
    TextNER=IMAGES_AND_TEXT,
)
