"""Models."""

from __future__ import annotations

from dataclasses import dataclass

MODEL_TYPES = ("custom_model", "mlflow_model", "triton_model")


@dataclass(frozen=True)
class Model:
    """A version of a model. ``type``: custom_model, mlflow_model or triton_model."""

    name: str
    version: str
    type: str
    uri: str
    id: str = ""
