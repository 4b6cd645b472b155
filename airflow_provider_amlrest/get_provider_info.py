def get_provider_info() -> dict[str, object]:
    return {"package-name": "airflow-provider-amlrest", "name": "Azure Machine Learning (REST)", "description": ""}
