"""The page on functions says what the decorator takes."""

from __future__ import annotations

import inspect

from airflow_provider_amlrest.decorators import AzureMLFunctionOperator
from tests.unit.docs.test_docs import code_words, read, rows, section


def test_parameters_are_described_as_they_are() -> None:
    parameters = inspect.signature(AzureMLFunctionOperator.__init__).parameters.values()
    expected = {
        one.name: (repr(one.default), one.name in AzureMLFunctionOperator.template_fields)
        for one in parameters
        if one.kind is one.KEYWORD_ONLY and one.name != "python_callable"
    }
    described = {
        code_words(name)[0]: (default.strip("`"), template == "yes")
        for name, default, template, _ in rows(section(read("functions.md"), "Packages"))
    }
    assert described == expected
