"""What run history, MLflow and logs say of a job."""
