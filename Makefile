# Everything a developer types. It needs git, make and Python 3.11 or newer; `make help` lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; \
	then echo $$python; break; fi; done)
VENV := .venv
VENV_2 := .venv-airflow-2.11
VENV_CELERY := .venv-celery
VENV_3_1 := .venv-airflow-3.1
VENV_SDK := .venv-azure-ai-ml
VENV_UI := .venv-ui
# Each process has an emulator of its own; they wait more than they compute. For a debugger: make test PARALLEL=
PARALLEL := -n 3 --dist loadfile
# Tests that load no Airflow, nor anything whose version is another one on 2.11 (tests/unit/test_without_airflow.py)
WITHOUT_AIRFLOW := tests/client tests/emulator tests/identity tests/unit/rest tests/contract/test_paths.py \
	tests/contract/test_replayed.py tests/contract/test_requests.py tests/contract/test_responses.py

# A user's own PYTHONPATH or bytecode settings have no place in here.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

.PHONY: help demo demo-serving ui check test lint test-demo test-serving test-sdk test-celery test-ui test-stop test-stop-long test-kill test-kill-long environment-sdk environment-celery environment-ui environment-3.1 mutation benchmark constraints clean environment environments

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

demo: environment ## Train a model from a DAG: Airflow and an emulator of Azure ML, on this machine
	@$(VENV)/bin/python -m tools.demo

demo-serving: environment ## Train, compare, roll out beside the old model, and roll a bad one back
	@$(VENV)/bin/python -m tools.demo_serving

ui: environment ## The same Airflow to click in, until Ctrl-C
	@$(VENV)/bin/python -m tools.ui

check: lint ## What a change breaks first, in a few minutes: lint, types, and the tests that need no server
	$(VENV)/bin/python -m pytest -q $(PARALLEL) tests/unit $(PYTEST)

test: environments ## The default tests, on Airflow 2.11 those that load Airflow (more arguments: PYTEST="-k name")
	$(VENV_2)/bin/python -m pytest $(PARALLEL) $(WITHOUT_AIRFLOW:%=--ignore=%) $(PYTEST)
	$(VENV)/bin/python -m pytest $(PARALLEL) $(PYTEST)

test-demo: environment ## make demo twice; the second run must register and upload nothing. AutoML and Spark, really run
	$(VENV)/bin/python -m pytest -m demo $(PYTEST)

test-serving: environment ## make demo-serving, and a rollout under load: no request is lost, and each gets its share
	$(VENV)/bin/python -m pytest -m "demo_serving or load" $(PYTEST)

test-sdk: environment-sdk ## A session of Microsoft's own client, azure-ai-ml, with the emulator
	$(VENV)/bin/python -m pytest -m sdk $(PYTEST)

test-stop: environments environment-3.1 ## Who stops a task cancels its job, who goes away does not: Airflow 2.11, 3.1 and 3.3
	$(VENV_2)/bin/python -m pytest -m stop $(PYTEST)
	$(VENV_3_1)/bin/python -m pytest -m stop $(PYTEST)
	$(VENV)/bin/python -m pytest -m stop $(PYTEST)

test-stop-long: environments environment-3.1 ## The same while the API server is away for three minutes, on Airflow 3.1 and 3.3
	$(VENV_3_1)/bin/python -m pytest -m stop_long $(PYTEST)
	$(VENV)/bin/python -m pytest -m stop_long $(PYTEST)

test-kill: environment ## kill -9 a task, the triggerer, the scheduler at each point: one job, one change
	$(VENV)/bin/python -m pytest -m kill $(PYTEST)

test-kill-long: environment-celery ## The same on PostgreSQL, more points, and at 270 random moments
	$(VENV_CELERY)/bin/python -m pytest -m kill_long $(PYTEST)

test-celery: environment-celery ## A worker, a triggerer and the scheduler lost, under Celery on PostgreSQL
	$(VENV_CELERY)/bin/python -m pytest -m celery $(PYTEST)

test-ui: environment-ui environment-3.1 ## The pages inside the Airflow UI, in Chromium; those of 3.1 without
	$(VENV_3_1)/bin/python -m pytest -m ui $(PYTEST)
	$(VENV_UI)/bin/python -m pytest -m ui $(PYTEST)

lint: environment ## ruff, and mypy --strict
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

mutation: environment ## Put faults into what goes over the wire, one at a time: the contract tests must catch each
	$(VENV)/bin/python -m tools.mutate_wire

benchmark: environment-sdk ## What imports, uploads and the emulator's start cost, as ratios
	$(VENV)/bin/python benchmarks/import_cost.py --azure-ai-ml $(VENV_SDK)/bin/python
	$(VENV)/bin/python -m benchmarks.upload --files 200 --megabytes 64
	$(VENV)/bin/python benchmarks/emulator_start.py
	$(VENV)/bin/python -m benchmarks.polling --jobs 500 --spread 120
	$(VENV)/bin/python -m benchmarks.pages

constraints: environment ## Pin anew what the environments and the example's training job install
	$(VENV)/bin/python -m tools.constraints

clean: ## Remove what the other targets have made
	rm -rf build dist airflow_provider_amlrest/plugin/static/echarts $(VENV) $(VENV_2) $(VENV_3_1) $(VENV_CELERY) $(VENV_SDK) $(VENV_UI) *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

environment: check-python
	@$(PYTHON) -m tools.environments $(VENV)

environments: check-python
	@$(PYTHON) -m tools.environments $(VENV) $(VENV_2)

environment-celery: check-python
	@$(PYTHON) -m tools.environments $(VENV) $(VENV_CELERY)

environment-ui: check-python
	@$(PYTHON) -m tools.environments $(VENV) $(VENV_UI)

environment-3.1: check-python
	@$(PYTHON) -m tools.environments $(VENV_3_1)

environment-sdk: check-python
	@$(PYTHON) -m tools.environments $(VENV) $(VENV_SDK)

.PHONY: check-python
check-python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer is needed (and older than 3.15); python3 here is: $$(python3 --version 2>&1)." >&2; \
		echo "On Debian 12 or newer and Ubuntu 24.04 or newer: apt-get install python3 python3-venv" >&2; \
		echo "Or name another one: make demo PYTHON=/path/to/python3.12" >&2; exit 1; fi
