"""The life of one Azure ML job for one Airflow task: its name, submission, wait, end, result and record."""
