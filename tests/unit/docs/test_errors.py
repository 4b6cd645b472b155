"""The page of errors says what the code says: messages, hints, exceptions."""

from __future__ import annotations

import importlib
import re

from airflow_provider_amlrest.rest.http.hints import HINTS, NO_ANSWER_HINTS
from airflow_provider_amlrest.rest.runs.causes import CAUSES
from tests.unit.docs.test_docs import _FENCE, ROOT, code_words, read, rows, section


def provider_source() -> str:
    """The provider's source with the literals that a line break has split joined again."""
    package = ROOT / "airflow_provider_amlrest"
    files = [file for file in package.rglob("*.py") if "emulator" not in file.relative_to(package).parts]
    return re.sub(r"\"\s*\n\s*f?\"", "", "\n".join(file.read_text() for file in files))


def test_messages_are_those_of_the_code() -> None:
    source = provider_source().replace("{{", "{").replace("}}", "}")
    messages = [
        message
        for heading in (
            "Said by the service",
            "Said before anything is sent",
            "Said after asking, before submitting",
            "Said of a job",
            "Said of a resource",
        )
        for row in rows(section(read("errors.md"), heading))
        for message in code_words(row[1] if heading == "Said by the service" else row[0])
    ]
    assert len(messages) > 20
    assert [message for message in messages if message not in source] == []


def test_every_hint_is_listed() -> None:
    listed = {row[0]: row[1] for row in rows(section(read("errors.md"), "Said by the service"))}
    for hint in (*HINTS, *NO_ANSWER_HINTS):
        assert hint.problem in listed
        assert set(hint.codes) <= set(code_words(listed[hint.problem]))


def test_every_cause_is_listed() -> None:
    assert [row[0] for row in rows(section(read("errors.md"), "Why a job failed"))] == [
        cause.name for cause in CAUSES
    ]


def test_exceptions_are_where_the_page_says() -> None:
    tree = section(read("errors.md"), "In Python")
    home = "airflow_provider_amlrest.rest.http.errors"
    found = re.findall(
        r"(\w+Error)\b *(?:in (airflow_provider_amlrest\.[\w.]+))?", _FENCE.findall(tree)[0][1]
    )
    assert len(found) > 10
    for name, module in found:
        assert issubclass(getattr(importlib.import_module(module or home), name), Exception)
