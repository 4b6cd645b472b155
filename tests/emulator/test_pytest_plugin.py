"""The pytest plugin in projects of its users: what it costs, when it starts, and what it leaves behind."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from airflow_provider_amlrest.emulator.storage.azurite import cache_dir
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

pytest_plugins = ["pytester"]

CACHE = str(cache_dir())


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A user's project; its runs are processes of their own, as the plugin is found by its entry point."""
    monkeypatch.setenv("AMLREST_EMULATOR_CACHE", CACHE)  # pytester moves HOME
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return pytester


def pids(result: pytest.RunResult) -> list[int]:
    return [int(pid) for pid in re.findall(r"pid=(\d+)", result.stdout.str())]


def test_the_plugin_costs_next_to_nothing() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules)\n"
        "import airflow_provider_amlrest.emulator.pytest_plugin\n"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded == {
        "airflow_provider_amlrest",
        "airflow_provider_amlrest.version",
        "airflow_provider_amlrest.emulator",
        "airflow_provider_amlrest.emulator.pytest_plugin",
    }


def test_what_a_test_gets_needs_no_extra() -> None:
    code = "import sys, airflow_provider_amlrest.emulator.testing; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"airflow", "azure", "starlette", "uvicorn", "requests"} & set(done.stdout.split())


def test_a_project_that_does_not_use_it_starts_nothing(project: pytest.Pytester) -> None:
    project.makepyfile("def test_nothing(): pass")
    result = project.runpytest_subprocess("--basetemp", "temp")
    result.assert_outcomes(passed=1)
    assert not list((project.path / "temp").glob("azureml-emulator*"))


def test_one_emulator_for_all_tests_and_none_after_them(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import os, pytest

        @pytest.mark.parametrize("number", range(3))
        def test_it(azureml_emulator, number):
            print(f"pid={azureml_emulator.facts['pid']}")
            assert os.environ["AIRFLOW_CONN_AZUREML_DEFAULT"] == azureml_emulator.connection_uri

        def test_it_is_gone():
            assert "AIRFLOW_CONN_AZUREML_DEFAULT" not in os.environ
        """
    )
    result = project.runpytest_subprocess("-s")
    result.assert_outcomes(passed=4)
    first, *others = pids(result)
    assert others == [first, first]
    assert not is_alive(first)


def test_scripts_faults_and_settings_end_with_their_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_one(azureml_emulator):
            azureml_emulator.script("train", "failed")
            azureml_emulator.fault("/jobs/", status=500)
            azureml_emulator.configure(job_seconds=9, page_size=1)

        def test_two(azureml_emulator):
            state = azureml_emulator._process.admin("GET", "state")
            assert (state["scripts"], state["faults"]) == ([], [])
            assert (state["settings"]["job_seconds"], state["settings"]["page_size"]) == (0, 20)
        """
    )
    project.runpytest_subprocess().assert_outcomes(passed=2)


def test_without_the_extra_the_first_use_says_what_to_install(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.path / "hidden").mkdir()
    (project.path / "hidden" / "starlette.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'starlette'\", name='starlette')"
    )
    monkeypatch.setenv("PYTHONPATH", str(project.path / "hidden"))
    project.makepyfile("def test_it(azureml_emulator): pass\ndef test_other(): pass")
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*pip install 'airflow-provider-amlrest*emulator*' (missing: starlette)*"])
    assert "Traceback" not in result.stdout.str()


def test_a_runtime_that_there_is_not_is_named(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nazureml_emulator_runtime = quantum")
    project.makepyfile("def test_it(azureml_emulator): pass")
    result = project.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*invalid choice: 'quantum'*"])


def test_a_proxy_of_the_machine_is_not_asked(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    project.makepyfile(
        """
        from airflow_provider_amlrest.hook import AzureMLHook

        def test_it(azureml_emulator):
            with AzureMLHook().client() as client:
                assert client.get_workspace().name == "emulator"
            assert azureml_emulator.requests("GET", "/workspaces/emulator$")
        """
    )
    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_jobs_that_really_run(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nazureml_emulator_runtime = host")
    project.makepyfile(
        """
        import time
        import pytest
        from airflow_provider_amlrest.hook import AzureMLHook
        from airflow_provider_amlrest.rest.jobs.command import CommandJob

        def test_it(azureml_emulator, tmp_path):
            with pytest.raises(Exception, match="really run"):
                azureml_emulator.script("real", "failed")
            job = CommandJob(command=f"echo real > {tmp_path}/trace", environment="azureml:AzureML-any:1")
            with AzureMLHook().client() as client:
                client.create_job("real", job)
                while azureml_emulator.jobs("real")[0].status not in ("Completed", "Failed"):
                    time.sleep(0.1)
            assert (tmp_path / "trace").read_text() == "real\\n"
        """
    )
    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_killed_pytest_leaves_no_emulator(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import os, signal

        def test_it(azureml_emulator):
            print(f"pid={azureml_emulator.facts['pid']}", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    result = project.runpytest_subprocess("-s")
    (pid,) = pids(result)
    wait_for(lambda: not is_alive(pid))
