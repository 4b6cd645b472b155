from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.command import (
    Distribution,
    Resources,
    check_command,
    parse_command_limits,
    parse_distribution,
    parse_resources,
)
from airflow_provider_amlrest.rest.jobs.inputs import parse_literal
from airflow_provider_amlrest.rest.jobs.job import (
    Identity,
    LiteralInput,
    Output,
    Service,
)
from airflow_provider_amlrest.rest.jobs.reading import (
    parse_identity,
    parse_job_tier,
    parse_outputs,
    parse_services,
)
from airflow_provider_amlrest.rest.jobs.search_space import SearchDistribution
from airflow_provider_amlrest.rest.jobs.sweep import (
    EarlyTermination,
    Objective,
    SamplingAlgorithm,
    SweepJob,
    SweepLimits,
    Trial,
    check_sweep,
    parse_early_termination,
    parse_objective,
    parse_sampling_algorithm,
    parse_sweep_limits,
)
from airflow_provider_amlrest.rest.reading.fields import check_name, string_map

REFUSALS: list[tuple[Callable[[str, Any], Any], Any, str, str]] = [
    (check_name, "a b", "f", "'a b' is not a valid name for Azure ML: 1 to 255"),
    (check_name, "", "f", "beginning with a letter or digit"),
    (check_name, "a\n", "f", "is not a valid name"),
    (check_name, None, "f", "None is not a valid name"),
    (string_map, "x", "f", "'x' must be a mapping"),
    (string_map, {"k": None}, "f.k", "None must be text or a number"),
    (string_map, {"k": {}}, "f.k", "{} must be text"),
    (parse_literal, None, "f", "None is no input. Use text, a number"),
    (parse_literal, [1], "f", "is no input"),
    (parse_literal, "", "f", "leave the input out"),
    (
        parse_outputs,
        {"m": {"typ": "uri_file"}},
        "f.m",
        "unknown key 'typ'; did you mean 'type'? There are: mode, name, path, type",
    ),
    (parse_outputs, {"m": "uri_foo"}, "f.m.type", "'uri_foo' is not one of: uri_file"),
    (parse_outputs, {"m": {"mode": "ro_mount"}}, "f.m.mode", "'ro_mount' is not one of: rw_mount"),
    (parse_outputs, {"m": {"path": "/local"}}, "f.m.path", "'/local' must begin with azureml://"),
    (
        parse_outputs,
        {"m": {"path": "azureml://datastores/d/paths/${{inputs.x}}"}},
        "f.m.path",
        "there are: ${{name}}, ${{output_name}}, ${{default_datastore}}",
    ),
    (parse_outputs, {"m": {"path": 1}}, "f.m.path", "1 must begin with"),
    (
        parse_outputs,
        {"m": {"path": "https://h/c?sv=1&sig=CANARY"}},
        "f.m.path",
        "'https://h/c?sv=1&sig=...' holds a signature",
    ),
    (parse_outputs, {"m": {"name": "a b"}}, "f.m.name", "'a b' is not a valid name"),
    (parse_outputs, {"m": 3}, "f.m", "3 must be a mapping"),
    (parse_distribution, "ray", "f.type", "'ray' is not one of: pytorch, mpi, tensorflow"),
    (parse_distribution, {}, "f", "type is missing"),
    (parse_distribution, {"type": "mpi", "n": 1}, "f", "unknown key 'n'"),
    (
        parse_distribution,
        {"type": "mpi", "worker_count": "two"},
        "f.worker_count",
        "'two' must be a whole number",
    ),
    (parse_distribution, {"type": "mpi", "worker_count": True}, "f.worker_count", "a whole number"),
    (parse_identity, {"type": "managed", "client_id": 7}, "f.client_id", "7 must be text"),
    (parse_identity, "me", "f.type", "'me' is not one of: aml_token"),
    (parse_identity, ["managed"], "f", "must be a mapping"),
    (
        parse_sampling_algorithm,
        {"type": "random", "rule": "halton"},
        "f.rule",
        "'halton' is not one of: random, sobol",
    ),
    (parse_sampling_algorithm, {"type": "random", "seed": 1.5}, "f.seed", "1.5 must be a whole number"),
    (
        parse_early_termination,
        {"type": "bandit", "slack_factor": "0,1"},
        "f.slack_factor",
        "'0,1' must be a finite number",
    ),
    (parse_early_termination, {"type": 1}, "f.type", "1 is not one of: bandit"),
    (
        parse_services,
        {"s": {"type": "ssh", "nodes": "some"}},
        "f.s.nodes",
        "'some' is not one of: all",
    ),
    (
        parse_services,
        {"s": {"type": "ssh", "log_dir": "x"}},
        "f.s.type, which has log_dir,",
        "'ssh' is not one of: tensor_board",
    ),
    (parse_outputs, {"m": {"name": "a", "version": "1:2"}}, "f.m.version", "'1:2' is not a valid version"),
    (parse_services, {"s": {"type": "ftp"}}, "f.s.type", "'ftp' is not one of: ssh"),
    (
        parse_services,
        {"s": {"type": "ssh", "all_nodes": 1}},
        "f.s.all_nodes",
        "1 must be true or false",
    ),
    (
        parse_services,
        {"s": {"type": "ssh", "properties": "x"}},
        "f.s.properties",
        "'x' must be a mapping",
    ),
    (parse_job_tier, {"job_tier": "gold"}, "f.job_tier", "'gold' is not one of: spot"),
    (parse_job_tier, {"tier": "spot"}, "f", "unknown key 'tier'"),
    (parse_objective, {}, "f", "goal, primary_metric is missing"),
    (parse_objective, None, "f", "goal, primary_metric is missing"),
    (
        parse_objective,
        {"goal": "max", "primary_metric": "m"},
        "f.goal",
        "'max' is not one of: minimize, maximize",
    ),
    (parse_objective, {"goal": "maximize", "primary_metric": ""}, "f.primary_metric", "it is empty"),
    (parse_objective, {"goal": "maximize", "primary_metric": 1}, "f.primary_metric", "1 must be text"),
    (
        parse_sweep_limits,
        {"max_total_trials": 0},
        "f.max_total_trials",
        "0 must be a whole number from 1 to 1000",
    ),
    (parse_sweep_limits, {"max_total_trials": 1001}, "f.max_total_trials", "from 1 to 1000"),
    (parse_sweep_limits, {"timeout": -1}, "f.timeout", "-1 must be a number of seconds above 0"),
    (
        parse_sweep_limits,
        {"trial_timeout": float("inf")},
        "f.trial_timeout",
        "must be a finite number",
    ),
    (parse_sweep_limits, {"trials": 1}, "f", "unknown key 'trials'"),
    (parse_command_limits, {"timeout": "PT1H"}, "f.timeout", "'PT1H' must be a number of seconds"),
    (parse_command_limits, {"timeout": True}, "f.timeout", "True must be a number of seconds"),
    (parse_command_limits, {"trial_timeout": 1}, "f", "unknown key"),
]


@pytest.mark.parametrize(("read", "value", "field", "words"), REFUSALS)
def test_refusals_name_field_value_and_way_out(
    read: Callable[[str, Any], Any], value: Any, field: str, words: str
) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        read("f", value)
    assert caught.value.field == field
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((0, None), "instance_count"),
        ((1.5, None), "instance_count"),
        (("many", None), "instance_count"),
        ((True, None), "instance_count"),
        ((1, 7), "instance_type"),
        ((1, None, "2 GB"), "shm_size"),
        ((1, None, "2g", {"a": 1}), "docker_args"),
        ((1, None, "2g", ["--ipc=host", ""]), "docker_args[1]"),
        ((2, None, None, None, {"instance_count": 2}), "job_resources.instance_count"),
        ((1, None, None, None, {"instances": 2}), "job_resources"),
        ((1, None, None, None, {"max_instance_count": 0}), "job_resources.max_instance_count"),
        ((1, None, None, None, {"locations": "westeurope"}), "job_resources.locations"),
        ((1, None, None, None, {"properties": {"a": {1, 2}}}), "job_resources.properties"),
    ],
)
def test_resources_that_are_refused(arguments: tuple[Any, ...], field: str) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        parse_resources(*arguments)
    assert caught.value.field == field


def test_the_words_of_the_cli_are_taken() -> None:
    resources = {"instance_count": 2, "instance_type": "Standard_E4s_v3", "docker_args": ["--ipc=host", "-v"]}
    resources |= {"shm_size": "2g", "properties": {"AISuperComputer": {"imageVersion": ""}}}
    resources |= {"max_instance_count": 4, "locations": ["westeurope"]}
    assert parse_resources(1, None, job_resources=resources) == Resources(
        2,
        "Standard_E4s_v3",
        "2g",
        None,
        ("--ipc=host", "-v"),
        {"AISuperComputer": {"imageVersion": ""}},
        4,
        ("westeurope",),
    )
    for words in ("Minimize", "MINIMIZE", "minimize"):
        objective = parse_objective("o", {"goal": words, "primary_metric": "loss"})
        assert objective == Objective("minimize", "loss")
    managed = {"type": "managed_identity", "msi_resource_id": "/r"}
    assert parse_identity("i", managed) == Identity("managed", resource_id="/r")
    assert parse_identity("i", "UserIdentity") == Identity("user_identity")
    assert parse_distribution("d", "PyTorch") == Distribution("pytorch")
    sobol = {"type": "Random", "rule": "Sobol"}
    assert parse_sampling_algorithm("s", sobol) == SamplingAlgorithm("random", "sobol")
    assert parse_services(
        "s",
        {
            "board": {"type": "tensor_board", "log_dir": "outputs/tblogs", "nodes": "all"},
            "shell": {"type": "ssh", "ssh_public_keys": "ssh-rsa AAAA", "properties": {"a": "b"}},
        },
    ) == {
        "board": Service("tensor_board", properties={"logDir": "outputs/tblogs"}, all_nodes=True),
        "shell": Service("ssh", properties={"a": "b", "sshPublicKeys": "ssh-rsa AAAA"}),
    }
    output = {"type": "MLTable", "mode": "mount", "name": "told", "version": 3}
    assert parse_outputs("o", {"t": output}) == {"t": Output("mltable", name="told", version="3")}


def test_what_is_taken() -> None:
    assert parse_resources(2, "Standard_E4s_v3", "2g", "--ipc=host") == Resources(
        2, "Standard_E4s_v3", "2g", "--ipc=host"
    )
    assert string_map("tags", {"a": 1, 2: True, "c": "x"}) == {"a": "1", "2": "True", "c": "x"}
    assert string_map("tags", None) == {}
    assert parse_literal("i", 0.1) == LiteralInput("0.1")
    assert parse_outputs(
        "o", {"a": None, "b": "mlflow_model", "c": {"path": "azureml://datastores/d/paths/p"}}
    ) == {
        "a": Output(),
        "b": Output("mlflow_model"),
        "c": Output(uri="azureml://datastores/d/paths/p"),
    }
    assert parse_distribution("d", "mpi") == Distribution("mpi")
    assert parse_distribution("d", None) is None
    assert parse_early_termination("e", {"type": "bandit", "slack_factor": 1}) == (
        EarlyTermination("bandit", slack_factor=1)
    )
    assert parse_services(
        "s", {"j": "jupyter_lab", "t": {"type": "tensor_board", "properties": {"logDir": "x"}}}
    ) == {
        "j": Service("jupyter_lab"),
        "t": Service("tensor_board", properties={"logDir": "x"}),
    }
    assert parse_job_tier("q", {"job_tier": "Spot"}) == "spot"
    assert parse_job_tier("q", None) is None
    assert parse_sweep_limits("l", {"max_total_trials": 8, "timeout": 60}) == SweepLimits(8, timeout=60)
    assert parse_command_limits("l", {"timeout": 3600}) == 3600.0
    assert parse_command_limits("l", None) is None


GROUPS = {"inputs": ["data", "lr"], "outputs": ["model"], "search_space": ["depth", "my-leaf"]}


def test_placeholders_are_found_with_and_without_spaces() -> None:
    command = (
        "t ${{inputs.data}} ${{ inputs.lr }} ${{inputs.data.path}} ${{outputs.model}} ${{search_space.depth}}"
    )
    assert check_command("command", command, GROUPS) == ["my-leaf"]
    assert check_command("command", command + " ${{search_space.my-leaf}}", GROUPS) == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", "it is empty"),
        (["python a.py", "python b.py"], "is a list; a job runs one text in a shell: ' && '.join(...)"),
        ("  \n", "it is empty"),
        (None, "it is empty"),
        (12, "12 must be text"),
        ("t ${{inputs.x}}", "'${{inputs.x}}' is used, but inputs has no 'x' (it has: data, lr)"),
        ("t ${{outputs.x}}", "outputs has no 'x' (it has: model)"),
        ("t ${{input.data}}", "'${{input.data}}' means nothing here; there are: ${{inputs.<name>}}"),
        ("t ${{inputs.}}", "means nothing here"),
        ("t ${{data}}", "means nothing here"),
        ("t ${{inputs.data", "means nothing here"),
        ("t ${{inputs.my data}}", "means nothing here"),
        ("t ${{}}", "means nothing here"),
        ("t $[[--lr ${{inputs.lr}}]]", "'$[[--lr ${{inputs.lr}}]]': optional arguments are for components"),
        ("t $[[--lr", "'$[[--lr': optional arguments are for components"),
    ],
)
def test_commands_that_are_refused(command: Any, words: str) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        check_command("command", command, GROUPS)
    assert caught.value.field == "command"
    assert words in str(caught.value)


def test_a_command_job_has_no_search_space() -> None:
    with pytest.raises(InvalidSpecError, match=r"'\$\{\{search_space\.lr\}\}' means nothing here"):
        check_command("command", "t ${{search_space.lr}}", {"inputs": [], "outputs": []})
    with pytest.raises(InvalidSpecError, match="there are none"):
        check_command("command", "t ${{inputs.lr}}", {"inputs": [], "outputs": []})


def sweep(**changes: Any) -> SweepJob:
    members: dict[str, Any] = {
        "trial": Trial("t", "e"),
        "search_space": {
            "a": SearchDistribution("choice", ((1,),)),
            "b": SearchDistribution("uniform", (0, 1)),
        },
        "objective": Objective("minimize", "loss"),
    }
    return SweepJob(**members | changes)


def test_sweeps_that_fit() -> None:
    check_sweep(sweep())
    check_sweep(sweep(sampling_algorithm=SamplingAlgorithm("bayesian")))
    check_sweep(sweep(sampling_algorithm=SamplingAlgorithm("random", "sobol", 7)))
    check_sweep(sweep(early_termination=EarlyTermination("bandit", slack_amount=0.1)))
    check_sweep(sweep(early_termination=EarlyTermination("truncation_selection", truncation_percentage=99)))


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        (
            {"sampling_algorithm": SamplingAlgorithm("grid")},
            "sampling_algorithm",
            "grid takes only choice; the search space has uniform",
        ),
        (
            {
                "sampling_algorithm": SamplingAlgorithm("bayesian"),
                "search_space": {"a": SearchDistribution("normal", (0, 1))},
            },
            "sampling_algorithm",
            "the search space has normal",
        ),
        (
            {"sampling_algorithm": SamplingAlgorithm("bayesian", seed=1)},
            "sampling_algorithm",
            "belong to random alone",
        ),
        (
            {
                "sampling_algorithm": SamplingAlgorithm("bayesian"),
                "early_termination": EarlyTermination("median_stopping"),
            },
            "early_termination",
            "bayesian takes no policy; leave it out",
        ),
        *(
            (
                {"early_termination": EarlyTermination(kind, **{"slack_factor": slack, name: -1})},
                f"early_termination.{name}",
                "-1 must not be negative",
            )
            for kind, slack, name in (
                ("bandit", None, "slack_factor"),
                ("bandit", None, "slack_amount"),
                ("bandit", 0.1, "delay_evaluation"),
                ("median_stopping", None, "evaluation_interval"),
            )
        ),
        (
            {"early_termination": EarlyTermination("bandit")},
            "early_termination",
            "either slack_factor or slack_amount",
        ),
        (
            {"early_termination": EarlyTermination("bandit", slack_factor=1, slack_amount=1)},
            "early_termination",
            "either",
        ),
        (
            {"early_termination": EarlyTermination("truncation_selection")},
            "early_termination.truncation_percentage",
            "None must be a whole number from 1 to 99",
        ),
    ],
)
def test_sweeps_that_do_not_fit(changes: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        check_sweep(sweep(**changes))
    assert caught.value.field == field
    assert words in str(caught.value)
