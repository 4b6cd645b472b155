"""Reads run history, MLflow and logs of a job."""
