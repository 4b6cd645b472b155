"""The workspace's data plane: run history and MLflow."""
