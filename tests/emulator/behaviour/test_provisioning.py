"""Rules and tags that say how operations on resources go."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_amlrest.emulator.behaviour.provisioning import ProvisioningRules, read_provisioning

PATH = "onlineEndpoints/shop/deployments/green"


def test_what_nobody_says_succeeds_in_the_time_of_the_setting() -> None:
    behaviour = read_provisioning({}, 3.0)
    assert (behaviour.outcome, behaviour.seconds, behaviour.answer_status) == ("succeeded", 3.0, 200)
    assert not behaviour.takes_no_time
    assert read_provisioning({}, 0.0).takes_no_time


def test_a_rule_counts_over_tags_and_only_as_often_as_it_says() -> None:
    rules = ProvisioningRules()
    rules.add({"resource": "green", "outcome": "failed", "seconds": 2, "times": 1})
    tags = {"emulator.outcome": "stuck", "emulator.error": "own", "team": "a"}
    assert rules.tags(PATH, tags) == {
        "emulator.outcome": "failed",
        "emulator.error": "own",
        "emulator.seconds": "2",
    }
    assert rules.tags(PATH, tags)["emulator.outcome"] == "stuck"
    assert rules.all()[0].resources == [PATH]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [("green", True), ("gr", False), (r"onlineEndpoints/shop/.*", True), ("SHOP", False), ("GREEN", True)],
)
def test_a_rule_matches_the_whole_name_or_path(pattern: str, matches: bool) -> None:
    rules = ProvisioningRules()
    rules.add({"resource": pattern, "outcome": "failed"})
    assert bool(rules.tags(PATH, {})) is matches


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "'resource'"),
        ({"resource": "("}, "regular expression"),
        ({"resource": "a", "outcome": "great"}, "'great'"),
        ({"resource": "a", "operation": "lost"}, "'lost'"),
        ({"resource": "a", "seconds": -1}, "emulator.seconds"),
        ({"resource": "a", "seconds": "1"}, "'seconds'"),
        ({"resource": "a", "answer_status": 100}, "100"),
        ({"resource": "a", "times": 0}, "'times'"),
        ({"resource": "a", "color": 1}, "'color'"),
    ],
)
def test_rules_that_cannot_be(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match="(?s)" + problem.replace("(", r"\(")):
        ProvisioningRules().add(values)


def test_an_answer_is_json() -> None:
    rules = ProvisioningRules()
    rules.add({"resource": "green", "answer": [1.5]})
    assert read_provisioning(rules.tags(PATH, {}), 0).answer == "[1.5]"
    with pytest.raises(ValueError, match="not JSON"):
        read_provisioning({"emulator.answer": "{"}, 0)
