"""The documentation says what the code does: links, code, parameters, fields, messages."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jinja2 import Environment, TemplateSyntaxError, meta

from airflow_provider_amlrest import connection, operators
from airflow_provider_amlrest.emulator.arm.jobs import text_limits as emulated_limits
from airflow_provider_amlrest.emulator.behaviour import scripts
from airflow_provider_amlrest.emulator.behaviour.faults import FaultRule, Tuning
from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace
from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.identity import CREDENTIALS
from airflow_provider_amlrest.lifecycle import masking, naming, ownership, task_identity
from airflow_provider_amlrest.operators.base import AzureMLOperator
from airflow_provider_amlrest.operators.commands import AzureMLRunOperator
from airflow_provider_amlrest.operators.jobs import AzureMLJobOperator
from airflow_provider_amlrest.operators.online import AzureMLDeployOnlineEndpointOperator
from airflow_provider_amlrest.operators.resources import AzureMLResourceOperator
from airflow_provider_amlrest.operators.steps import AzureMLStepsOperator
from airflow_provider_amlrest.operators.traffic import AzureMLShiftTrafficOperator
from airflow_provider_amlrest.rest.assets.upload.ignore import BY_PRODUCTS, CODE_BY_PRODUCTS
from airflow_provider_amlrest.rest.http.cloud import CLOUDS, CUSTOM
from airflow_provider_amlrest.rest.http.credentials import Chain
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.job import DataInput, LiteralInput, Output
from airflow_provider_amlrest.rest.jobs.search_space import ARGUMENTS, parse_search_space
from airflow_provider_amlrest.rest.jobs.sweep import Objective, SweepJob, Trial
from airflow_provider_amlrest.rest.reading import text_limits
from airflow_provider_amlrest.rest.versions.api_versions import (
    API_VERSIONS,
    DEFAULT_API_VERSION,
    LAST_KNOWN,
    PREVIEW_2021_03,
)
from airflow_provider_amlrest.sensors import AzureMLJobSensor
from tests.support.codec import codec_for

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md")])

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^(?P<level>#+) (?P<text>.+)$", re.MULTILINE)


class Block(NamedTuple):
    page: Path
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}-{self.number}"


def read(name: str) -> str:
    return (DOCS / name).read_text()


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = (match["text"].replace("`", "").lower() for match in _HEADING.finditer(prose(page)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


def blocks(language: str) -> Iterator[Block]:
    for page in PAGES:
        for number, match in enumerate(_FENCE.finditer(page.read_text()), 1):
            if match["language"] == language:
                yield Block(page, number, match["text"])


def section(text: str, heading: str) -> str:
    """A section without those on its level that follow."""
    start = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert start is not None, f"There is no heading {heading!r}."
    rest = text[start.end() :]
    end = re.search(rf"^#{{1,{len(start[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """The cells of a text's tables, without their headers."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = [index for index, row in enumerate(cells) if set("".join(row)) <= set("-")]
    headers = {index - 1 for index in rules}
    return [row for index, row in enumerate(cells) if index not in headers and index not in rules]


def code_words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# Links


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for match in _LINK.finditer(prose(page)):
            if not match["target"].startswith("https://"):
                yield page, match["target"]


@pytest.mark.parametrize(
    ("page", "target"), [pytest.param(p, t, id=f"{p.name}:{t}") for p, t in sorted(set(links()))]
)
def test_a_relative_link_leads_somewhere(page: Path, target: str) -> None:
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    assert file.is_relative_to(ROOT)
    assert file.exists()
    if anchor:
        assert anchor in anchors(file)


def test_the_index_names_every_page() -> None:
    linked = {match["target"] for match in _LINK.finditer(read("index.md"))}
    assert linked == {page.name for page in DOCS.glob("*.md")} - {"index.md"}


def test_the_readme_names_every_page() -> None:
    text = (ROOT / "README.md").read_text()
    linked = {
        match["target"].removeprefix("docs/") for match in _LINK.finditer(section(text, "Documentation"))
    }
    assert linked == {page.name for page in DOCS.glob("*.md")} - {"index.md"}


# Code


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.text)


PROVIDER_BLOCKS = [block for block in blocks("python") if "airflow_provider_amlrest" in block.text]


@pytest.mark.parametrize("block", PROVIDER_BLOCKS, ids=str)
def test_python_that_uses_the_provider_is_parsed_by_airflow(block: Block) -> None:
    """Operators refuse parameters that they do not have, so this finds the misspelled ones."""
    from airflow.providers.common.compat.sdk import DAG

    namespace: dict[str, Any] = {"__name__": "example"}
    with DAG("documentation", schedule=None):
        exec(compile(block.text, str(block), "exec"), namespace)  # noqa: S102


def test_the_readme_has_a_short_dag() -> None:
    first = next(block for block in PROVIDER_BLOCKS if block.page.name == "README.md")
    assert len([line for line in first.text.splitlines() if line.strip()]) <= 22


# Operators and sensor

CLASSES: dict[str, Any] = {
    "Common parameters": AzureMLOperator,
    **{name: getattr(operators, name) for name in operators.__all__},
    "Names and waits": AzureMLJobOperator,
    "Steps": AzureMLStepsOperator,
    "Brought to a state": AzureMLResourceOperator,
    "AzureMLJobSensor": AzureMLJobSensor,
}
"""Heading -> the class, or the function, that the section describes."""
COMMON = ("azureml_conn_id", "api_version", "multiple_outputs")
MADE_BY = {
    "safe_rollout": (AzureMLDeployOnlineEndpointOperator, AzureMLShiftTrafficOperator),
}
"""Function -> the operators that its arguments of the same names go to."""


def own_parameters(heading: str) -> dict[str, inspect.Parameter]:
    """The parameters that a section has to describe."""
    described = CLASSES[heading]
    constructor: Callable[..., Any] = described.__init__ if isinstance(described, type) else described  # type: ignore[misc]
    parameters = inspect.signature(constructor).parameters
    return {
        name: parameter
        for name, parameter in parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        and (name in COMMON) == (heading == "Common parameters")
    }


def template_fields(heading: str) -> set[str]:
    sources = MADE_BY.get(heading, (CLASSES[heading],))
    return {name for source in sources for name in source.template_fields}


def pages_with(heading: str) -> list[Path]:
    """The pages that have a section of this name."""
    return [page for page in PAGES if heading in {match["text"] for match in _HEADING.finditer(prose(page))}]


@pytest.mark.parametrize("heading", CLASSES)
def test_every_class_has_its_section_on_one_page(heading: str) -> None:
    assert len(pages_with(heading)) == 1


@pytest.mark.parametrize("heading", CLASSES)
def test_parameters_are_described_as_they_are(heading: str) -> None:
    """Name, default and template: column by column what the class says."""
    parameters = own_parameters(heading)
    templates = template_fields(heading)
    own = section(pages_with(heading)[0].read_text(), heading).partition("\n###")[0]
    table = [row for row in rows(own) if len(row) == 4]
    documented = {
        code_words(name)[0]: (default.strip("`"), template == "yes")
        for name, default, template, _meaning in table
    }
    expected = {
        name: (
            "required" if parameter.default is inspect.Parameter.empty else repr(parameter.default),
            name in templates,
        )
        for name, parameter in parameters.items()
    }
    assert documented == expected


def test_the_command_job_describes_what_both_kinds_of_job_take() -> None:
    shared = inspect.signature(AzureMLRunOperator.__init__)
    assert issubclass(operators.AzureMLSubmitSweepJobOperator, AzureMLRunOperator)
    assert inspect.signature(operators.AzureMLSubmitCommandJobOperator.__init__) == shared


def test_the_search_space_table_is_complete() -> None:
    table = rows(section(read("operators.md"), "Search space"))
    assert {code_words(row[0])[0]: tuple(code_words(row[1])) for row in table} == ARGUMENTS


def test_what_texts_may_be_is_described_as_client_and_emulator_have_it() -> None:
    table = rows(section(read("operators.md"), "How long they may be"))
    described = {"".join(code_words(text)) + text.partition("`")[0]: row for text, *row in table}
    on_the_wire = {"experiment_name": "experimentName", "display_name": "displayName"}
    texts = {on_the_wire.get(field, field): longest for field, longest in text_limits.MAX_TEXT.items()}
    pairs = {field: dataclasses.astuple(limit) for field, limit in text_limits.MAX_PAIRS.items()}
    assert (texts, pairs) == (emulated_limits.TEXTS, emulated_limits.PAIRS)
    expected = {field: ["", str(longest)] for field, longest in text_limits.MAX_TEXT.items()}
    for field, limit in text_limits.MAX_PAIRS.items():
        expected[f"{field}name of one of the "] = [str(limit.count), str(limit.name)]
        expected[f"{field}value of one of the "] = ["", str(limit.value)]
    assert {text: row[:2] for text, row in described.items()} == expected


# Templates

_TEMPLATE = re.compile(r"(?<!\$)\{\{.*?\}\}")
_OF_A_LOGICAL_DATE = re.compile(
    r"(ts|ds)(_nodash)?|ts_nodash_with_tz|(logical|execution|next_execution|prev_execution)_date|(yesterday|tomorrow)_ds"
    r"(_nodash)?|data_interval_(start|end)|prev_(data_interval|start_date)_\w+"
)
"""Variables that a DAG run without a logical date does not have."""


def templates() -> Iterator[tuple[str, str]]:
    """The templates that pages, examples and the provider's messages show."""
    python = [*(ROOT / "example_dags").rglob("*.py"), *(ROOT / "airflow_provider_amlrest").rglob("*.py")]
    for file in [*PAGES, *python]:
        if "emulator" not in file.parts:
            for match in _TEMPLATE.finditer(file.read_text()):
                yield file.name, match[0]


def test_templates_need_no_logical_date() -> None:
    shown = list(templates())
    assert len(shown) > 10
    environment, needing = Environment(autoescape=True), []
    for name, template in shown:
        try:
            variables = meta.find_undeclared_variables(environment.parse(template))
        except TemplateSyntaxError:  # "{{ ... }}"
            continue
        needing += [(name, template) for variable in variables if _OF_A_LOGICAL_DATE.fullmatch(variable)]
    assert needing == []


def test_the_template_of_a_run_is_the_one_that_the_page_has() -> None:
    assert naming.RUN_IN_A_NAME in section(read("idempotency.md"), "A name of your own")


# Connection


def test_connection_fields_are_described_as_they_are() -> None:
    table = rows(section(read("connection.md"), "Fields"))
    documented = {code_words(name)[0]: (code_words(default), meaning) for name, default, _, meaning in table}
    assert set(documented) == {field.name for field in connection.FIELDS}
    for field in connection.FIELDS:
        default, meaning = documented[field.name]
        assert default == ([field.default] if field.default else [])
        assert set(field.choices) <= set(code_words(meaning)), field.name


def test_credentials_are_described_as_they_are() -> None:
    table = rows(section(read("connection.md"), "Identity"))
    documented = {code_words(name)[0]: (set(code_words(needs)), takes) for name, needs, takes, _ in table}
    assert set(documented) == {*CREDENTIALS, Chain.name}
    for name, credential in CREDENTIALS.items():
        needs, takes = documented[name]
        assert needs == {
            *(field for need in credential.needs for field in need.split("|")),
            *(credential.variables or {}).values(),
        }
        assert set(credential.takes) <= set(code_words(takes)), name


def test_clouds_are_described_as_they_are() -> None:
    table = rows(section(read("connection.md"), "Clouds"))
    documented = {code_words(row[0])[0]: [code_words(cell)[0] for cell in row[1:]] for row in table}
    documented.pop(CUSTOM)
    assert documented == {
        cloud.name: [cloud.resource_manager, cloud.authority, cloud.scope, cloud.studio]
        for cloud in CLOUDS.values()
    }


CONNECTIONS = [
    pytest.param(match[1], id=f"{block}-{number}")
    for block in blocks("bash")
    for number, match in enumerate(
        re.finditer(r"AIRFLOW_CONN_AZUREML_DEFAULT='(.*?)'", block.text, re.DOTALL)
    )
]


@pytest.mark.parametrize("text", CONNECTIONS)
def test_a_connection_of_the_docs_is_understood(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", text.replace("<path>", __file__))
    assert AzureMLHook().settings.workspace == WorkspaceId("<GUID>", "my-group", "my-workspace")


def test_both_forms_of_a_connection_are_shown() -> None:
    texts = [str(parameter.values[0]) for parameter in CONNECTIONS]
    assert any(text.startswith("{") for text in texts)
    assert any(text.startswith("azureml://") for text in texts)


# API versions


def test_every_api_version_is_described() -> None:
    table = rows(read("api-versions.md").partition("## ")[0])
    assert [version for row in table for version in code_words(row[0])] == list(API_VERSIONS)
    [default] = [row[0] for row in table if "The default." in row[2]]
    assert code_words(default) == [DEFAULT_API_VERSION]
    assert f"{LAST_KNOWN} is spoken in its place" in read("api-versions.md")


def test_tags_and_properties_are_listed() -> None:
    listed = set(re.findall(r"`(airflow_\w*)", section(read("operators.md"), "Tags and properties")))
    sources = (masking, ownership, task_identity)
    names = {
        value
        for module in sources
        for name, value in vars(module).items()
        if name.endswith(("_TAG", "_PROPERTY")) and value.startswith("airflow_")
    }
    assert len(names) > 7
    assert names - listed == {ownership.OWNER_TAG}
    assert {f"{ownership.OWNER_TAG}{slot}" for slot in (0, ownership.SLOTS - 1)} <= listed


def test_every_by_product_is_listed() -> None:
    listed = rows(section(read("operators.md"), "What is left out of a folder"))
    everywhere = [name for row in listed if "data" in row[2] for name in code_words(row[1])]
    of_code = [name for row in listed if "data" not in row[2] for name in code_words(row[1])]
    assert everywhere == list(BY_PRODUCTS)
    assert of_code == list(CODE_BY_PRODUCTS)


def test_placeholders_are_rewritten_as_the_page_shows() -> None:
    before, after = _FENCE.findall(section(read("api-versions.md"), "Placeholders"))
    job = SweepJob(
        compute="/subscriptions/s",
        inputs={
            "iris": DataInput("uri_file", "/subscriptions/s"),
            "rounds": LiteralInput("20"),
        },
        outputs={"model": Output()},
        trial=Trial(before[1].strip(), "/subscriptions/s"),
        search_space=parse_search_space({"lr": {"type": "uniform", "min_value": 0.01, "max_value": 0.3}}),
        objective=Objective("minimize", "loss"),
    )
    body = codec_for(PREVIEW_2021_03, WorkspaceId("s", "g", "w")).job_body(job)
    assert body["trial"]["command"] == after[1].strip()
    assert body["searchSpace"] == {"--lr": ["uniform", [0.01, 0.3]]}


# Emulator


def documented(heading: str) -> set[str]:
    """The names in the first column of a section's tables."""
    return {word for row in rows(section(read("emulator.md"), heading)) for word in code_words(row[0])}


def test_fields_of_scripts_and_fault_rules_are_described() -> None:
    assert documented("Scripts") == {"job", "times", *scripts.FIELDS}
    fields = {field.name for field in dataclasses.fields(FaultRule)}
    assert documented("Fault rules") == fields - {"id", "hits"}


def test_settings_are_described_with_their_defaults() -> None:
    table = {code_words(row[0])[0]: row[2] for row in rows(section(read("emulator.md"), "Settings"))}
    assert set(table) == {field.name for field in dataclasses.fields(Tuning)}
    for field in dataclasses.fields(Tuning):
        is_number = isinstance(field.default, float)
        default = f"{field.default:g}" if is_number else json.dumps(field.default)
        assert table[field.name].split(" ")[0] == default, field.name


def test_the_fixture_is_described() -> None:
    public = {name for name in vars(EmulatedWorkspace) if not name.startswith("_")}
    assert {name.partition("(")[0] for name in documented("The fixture")} == public


def test_options_of_the_command_line_are_described() -> None:
    helped = set(re.findall(r"(--[a-z-]+)", start_help()))
    assert {name.split(" ")[0] for name in documented("Start, stop, status") if name[0] == "-"} == helped


def start_help() -> str:
    command = [sys.executable, "-m", "airflow_provider_amlrest.emulator.cli", "start", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return text.partition("options:")[2].replace("--help", "")


def test_files_that_are_named_exist() -> None:
    package = ROOT / "airflow_provider_amlrest"
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        named = re.findall(
            r"`((?:rest|lifecycle|operators|plugin|cli|emulator|tests|tools)/[\w/]+\.py)`", page.read_text()
        )
        assert [name for name in named if not ((package / name).exists() or (ROOT / name).exists())] == [], (
            page
        )
