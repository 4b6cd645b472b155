"""YAML files of the CLI: paths, lines, overrides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.documents import overridden, read_document, read_value

TEXT = """\
type: command
inputs:
  epochs: 3
  data:
    path: azureml:d:1
tags: {made: 2026-01-31}
conf:
  spark.driver.cores: 1
steps: [a, b]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "jobs" / "train.yml"
    path.parent.mkdir()
    path.write_text(TEXT)
    return path


def test_a_file_its_text_and_a_mapping_are_the_same(file: Path, tmp_path: Path) -> None:
    by_path = read_document("job", "jobs/train.yml", tmp_path)
    assert read_document("job", Path("jobs/train.yml"), tmp_path).values == by_path.values
    assert read_document("job", TEXT, tmp_path).values == by_path.values
    assert read_document("job", by_path.values, tmp_path).values == by_path.values
    assert (by_path.folder, by_path.name) == (file.parent, "train.yml")
    assert read_document("job", TEXT, tmp_path).folder == tmp_path


def test_dates_are_text(tmp_path: Path) -> None:
    assert read_document("job", TEXT, tmp_path).values["tags"] == {"made": "2026-01-31"}


def test_errors_name_file_line_and_member(file: Path) -> None:
    document = read_document("job", file, file.parent)
    assert document.where("inputs.data.path") == "train.yml, line 5, inputs.data.path"
    assert document.where("inputs.data.mode") == "train.yml, line 4, inputs.data.mode"
    assert document.where("nothing") == "train.yml, nothing"
    with (
        pytest.raises(InvalidSpecError, match=r"^train.yml, line 3, inputs.epochs: no.$"),
        document.located(),
    ):
        raise InvalidSpecError("inputs.epochs", "no.")
    names = {"args": "inputs"}
    with (
        pytest.raises(InvalidSpecError, match=r"^train.yml, line 3, inputs.epochs: "),
        document.located(names),
    ):
        raise InvalidSpecError("args.epochs", "no.")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [1", r"^job, line 1: it is not YAML: "),
        ("a: 1\na: 2\n", r"^job, line 2: it is not YAML: 'a' is given twice"),
        ("- a\n", r"^job: it must be a mapping"),
        ("", r"^job: '' must be the path"),
        ("none.yml", r"^job: '.*none.yml' cannot be read"),
        ("a: 1\nb: !!int x\n", r"^job, line 2: it is not YAML: invalid literal"),
        ("a: 0x_\n", r"^job, line 1: it is not YAML: invalid literal"),
        ("a: x\0\n", r"^job: it is not YAML: unacceptable character #x0000"),
        (f"a: {'1' * 6000}\n", r"^job, line 1: it is not YAML: "),
        (f"a: {'1' * 400}\n", r"^job, line 1: it is not YAML: .* more than 300 digits"),
        ("a: 1\nb: .nan\n", r"^job, line 2: it is not YAML: '.nan' is not finite"),
        ("a: !!set {x}\n", r"^job, line 1: it is not YAML: set is no type that a job has"),
        ("a: !!binary eA==\n", r"^job, line 1: it is not YAML: binary is no type"),
        ("a: 1\nb: &b\n  c: *b\n", r"^job, line 2: it is not YAML: it is nested more than 50 deep"),
        (f"a: {'[' * 3000}", r"^job: it is nested more than 50 deep"),
        (
            "a: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 9)),
            r"^job: it is not YAML: it has more than 20000 members",
        ),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InvalidSpecError, match=problem):
        read_document("job", text, tmp_path)


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("inputs.epochs", 5, ["inputs", "epochs"]),
        ("inputs.data.mode", "download", ["inputs", "data", "mode"]),
        ("compute", "gpu", ["compute"]),
        ("resources.instance_count", 2, ["resources", "instance_count"]),
        ("conf.spark.driver.cores", 4, ["conf", "spark.driver.cores"]),
        ("steps[1]", "c", ["steps", 1]),
        ("steps.0", "c", ["steps", 0]),
    ],
)
def test_overrides_are_those_of_set(file: Path, path: str, value: Any, where: list[Any]) -> None:
    document = read_document("job", file, file.parent)
    found: Any = overridden(document, {path: value}).values
    for step in where:
        found = found[step]
    assert found == value
    assert document.values == read_document("job", file, file.parent).values


def test_an_index_without_an_item_is_refused(file: Path) -> None:
    document = read_document("job", file, file.parent)
    with pytest.raises(InvalidSpecError, match=r"^overrides\['steps\[7\]'\]: there is nothing to override"):
        overridden(document, {"steps[7]": "c"})


STEPS = {
    "jobs": {
        "train": {"command": "a", "inputs": {"jobs": {"path": "x"}}},
        "inner": {"component": {"jobs": {"deep": {"command": "b"}}}},
    }
}


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (
            "jobs.trian.compute",
            r"there is no step 'trian'; did you mean 'train'\? There are: inner, tr",
        ),
        ("jobs.other", r"there is no step 'other'; there are: inner, train\.$"),
        (
            "jobs.inner.component.jobs.depe.compute",
            r"there is no step 'depe'; did you mean 'deep'\? There",
        ),
    ],
)
def test_an_override_makes_no_step(path: str, problem: str) -> None:
    with pytest.raises(InvalidSpecError, match=rf"^overrides\['{path}'\]: {problem}"):
        overridden(read_document("job", STEPS, Path()), {path: "x"})


def test_an_override_makes_no_step_where_there_is_none() -> None:
    with pytest.raises(InvalidSpecError, match=r"there is no step 'a'; there are: none\.$"):
        overridden(read_document("job", {"command": "a"}, Path()), {"jobs.a.compute": "x"})


@pytest.mark.parametrize(
    "path",
    [
        "jobs.train.compute",
        "jobs.train.limits.timeout",
        "jobs.train.inputs.new",
        "jobs.train.inputs.jobs.mode",
        "jobs.inner.component.jobs.deep.compute",
        "inputs.new.path",
        "tags.jobs.a",
    ],
)
def test_an_override_makes_other_members(path: str) -> None:
    found: Any = overridden(read_document("job", STEPS, Path()), {path: "x"}).values
    for step in path.split("."):
        found = found[step]
    assert found == "x"


def test_an_override_may_be_all_steps() -> None:
    steps = {"a": {"command": "a"}}
    assert overridden(read_document("job", STEPS, Path()), {"jobs": steps}).values["jobs"] == steps


def test_what_is_merged_may_be_given_again(tmp_path: Path) -> None:
    text = "base: &base {a: 1}\nx: {deep: &deep {<<: *base, a: 2}}\nmerged: {<<: *deep, a: 3}\n"
    values = read_document("job", text, tmp_path).values
    assert (values["x"], values["merged"]) == ({"deep": {"a": 2}}, {"a": 3})


@pytest.mark.parametrize("path", ["", ".", "inputs.", ".inputs", "inputs..epochs"])
def test_an_override_of_no_member_is_refused(file: Path, path: str) -> None:
    document = read_document("job", file, file.parent)
    with pytest.raises(InvalidSpecError, match=r"^overrides\['.*'\]: a name is missing"):
        overridden(document, {path: 1})


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("", None), ("[a, b]", ["a", "b"]), ("2026-01-31", "2026-01-31"), ("{a: 1}", {"a": 1})],
)
def test_a_value_alone_is_read_as_in_a_file(text: str, value: Any) -> None:
    assert read_value("--set x", text) == value


@pytest.mark.parametrize("text", ["[1", "*a", "0x_", "\x01", "a: b"])
def test_a_value_that_is_no_yaml_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpecError, match=r"^--set x"):
        read_value("--set x", text)
