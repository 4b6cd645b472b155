"""What Airflow's own provider manager makes of the provider: connection form, behaviour, links."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec

import pytest
from airflow.providers_manager import ProvidersManager

from airflow_provider_amlrest.connection import FIELDS
from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.version import __version__

PREFIX = "extra__azureml__"

needs_forms = pytest.mark.skipif(
    version("apache-airflow").startswith(("3.0.", "3.1.")) and find_spec("flask_appbuilder") is None,
    reason="Airflow 3.0 and 3.1 have no forms here without Flask AppBuilder",
)


@pytest.fixture(scope="module")
def manager() -> ProvidersManager:
    return ProvidersManager()


def test_it_is_found(manager: ProvidersManager) -> None:
    assert manager.providers["airflow-provider-amlrest"].version == __version__


def test_the_hook_is_found_by_its_connection_type(manager: ProvidersManager) -> None:
    hook = manager.hooks["azureml"]
    assert hook is not None
    assert hook.hook_class_name.endswith(AzureMLHook.__name__)
    assert hook.connection_id_attribute_name == "azureml_conn_id"
    assert hook.connection_testable


@needs_forms
def test_the_form_has_the_fields_of_the_table(manager: ProvidersManager) -> None:
    widgets = {
        name.removeprefix(PREFIX) for name in manager.connection_form_widgets if name.startswith(PREFIX)
    }
    assert widgets == {field.name for field in FIELDS}


@needs_forms
def test_the_form_hides_the_secrets(manager: ProvidersManager) -> None:
    hidden = {
        name.removeprefix(PREFIX)
        for name, widget in manager.connection_form_widgets.items()
        if name.startswith(PREFIX) and widget.is_sensitive
    }
    assert hidden == {field.name for field in FIELDS if field.secret}


@needs_forms
def test_the_form_relabels_hides_and_prompts(manager: ProvidersManager) -> None:
    behaviour = manager.field_behaviours["azureml"]
    assert behaviour["relabeling"] == {"login": "Client ID", "password": "Client secret"}
    assert "host" in behaviour["hidden_fields"]
    assert behaviour["placeholders"][f"{PREFIX}subscription_id"] == "GUID"


def test_the_link_is_known(manager: ProvidersManager) -> None:
    assert "airflow_provider_amlrest.links.AzureMLStudioLink" in manager.extra_links_class_names
