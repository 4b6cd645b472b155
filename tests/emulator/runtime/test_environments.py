"""Environments that are really built, with a wheel of the tests' own."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from airflow_provider_amlrest.emulator.runtime import environments
from airflow_provider_amlrest.emulator.runtime.conda import EnvironmentSpec
from airflow_provider_amlrest.emulator.runtime.environments import EnvironmentCache, Interpreter

from .harness import Harness

BUILD_LOG = "azureml-logs/20_image_build_log.txt"
PRINT = 'python -c "import tiny, sys; print(tiny.WORD, sys.prefix)"'


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A package ``tiny`` without dependencies."""
    path = tmp_path / "tiny-1.0-py3-none-any.whl"
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", "WORD = 'tiny works'\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def conda(*requirements: str, python: str = "python") -> str:
    return json.dumps({"dependencies": [python, "pip", {"pip": list(requirements)}]})


def built(venv: Harness) -> list[Path]:
    folder = venv.services.settings.data_dir / "cache/environments"
    return [path for path in folder.iterdir() if path.is_dir()]


def test_environment_is_built_once_and_shared(
    venv: Harness, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installs: list[Path] = []
    install = EnvironmentCache._install

    async def counted(cache: EnvironmentCache, spec: EnvironmentSpec, prefix: Path) -> None:
        assert "Preparing" in {venv.job(name).status for name in ("j0", "j1", "j2")}
        installs.append(prefix)
        await install(cache, spec, prefix)

    monkeypatch.setattr(EnvironmentCache, "_install", counted)
    first = venv.asset(
        "environments", "tiny", image="ubuntu", condaFile=conda(str(wheel), python="python=2.7")
    )
    venv.asset("environments", "same", image="other", condaFile=conda(str(wheel)))
    names = [venv.submit(f"j{i}", PRINT, environmentId=first) for i in range(3)]
    for name in names:
        job = venv.wait(name)
        assert job.status == "Completed", job.error
        assert venv.log(name).startswith("tiny works ")
        assert str(built(venv)[0]) in venv.log(name)
    venv.submit("later", PRINT, environmentId="azureml:same:1")
    later = venv.wait("later")
    assert later.status == "Completed"
    assert BUILD_LOG not in later.log_files
    assert installs == built(venv)
    assert len(installs) == 1
    log = venv.log("j0", BUILD_LOG)
    assert "Asked for python=2.7" in log
    assert log.endswith("The environment is built.\n")


def test_environment_that_cannot_be_built_fails_the_job_and_is_not_kept(venv: Harness, wheel: Path) -> None:
    venv.asset("environments", "env", image="x", condaFile=conda(f"{wheel}-absent.whl"))
    venv.submit("j")
    job = venv.wait("j")
    assert job.status == "Failed"
    assert job.error is not None
    assert job.error["innerError"]["code"] == "ImageBuildFailure"
    assert "absent" in job.error["message"]
    assert "absent" in venv.log("j", BUILD_LOG)
    assert job.log_files == (BUILD_LOG,)
    assert built(venv) == []


def test_without_uv_the_standard_tools_build(
    venv: Harness, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments.shutil, "which", lambda name: None)
    venv.asset("environments", "env", image="x", condaFile=conda(str(wheel)))
    venv.submit("j", PRINT)
    job = venv.wait("j")
    assert job.status == "Completed", job.error


def test_bare_image_is_a_bare_python(venv: Harness) -> None:
    venv.asset("environments", "env", image="ubuntu", condaFile="")
    venv.submit("j", "pip list --format=freeze; python -c 'import azure'")
    job = venv.wait("j")
    assert job.status == "Failed"
    assert "No module named 'azure'" in venv.log("j")
    assert "pip==" in venv.log("j")


def test_cancel_during_a_build(venv: Harness, wheel: Path) -> None:
    venv.asset("environments", "env", image="x", condaFile=conda(str(wheel)))
    venv.submit("j", "sleep 300")
    venv.wait("j", "Preparing")
    venv.cancel("j")
    assert venv.wait("j").status == "Canceled"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("azureml:env:1", "Docker build context"),
        ("azureml:AzureML-sklearn:33", "is not registered"),
        ("azureml://registries/azureml/environments/sk/versions/1", "no curated environments"),
        ("azureml:conda:1", "conda package 'cudatoolkit'"),
    ],
)
def test_environment_that_is_not_emulated(venv: Harness, reference: str, words: str) -> None:
    venv.asset("environments", "env", build={"contextUri": "https://x/y/"})
    venv.asset("environments", "conda", condaFile='{"dependencies": ["cudatoolkit"]}')
    venv.submit("j", environmentId=reference)
    job = venv.wait("j")
    assert job.status == "Failed"
    assert job.error is not None
    assert words in job.error["message"]


def test_scikit_learns_libgomp_stands_in_for_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = tmp_path / "lib/python3.11/site-packages/scikit_learn.libs/libgomp-ab12.so.1.0.0"
    bundled.parent.mkdir(parents=True)
    bundled.touch()
    monkeypatch.setattr(environments, "has_libgomp", lambda: True)
    assert Interpreter(tmp_path).bundled_libgomp() is None
    monkeypatch.setattr(environments, "has_libgomp", lambda: False)
    assert Interpreter(tmp_path).bundled_libgomp() == bundled
