"""``python -m airflow_provider_amlrest.cli`` runs ``amlrest``."""

import sys

from airflow_provider_amlrest.cli.main import main

sys.exit(main())
