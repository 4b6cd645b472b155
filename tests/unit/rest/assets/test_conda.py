from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest.assets.conda import read_conda
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

CONDA = {"name": "e", "dependencies": ["python=3.11", {"pip": ["lightgbm"]}]}
TEXT = "name: e\ndependencies:\n- python=3.11\n- pip: [lightgbm]\n"


def test_a_conda_file_as_mapping_text_and_path(tmp_path: Path) -> None:
    (tmp_path / "conda.yml").write_text(TEXT)
    for value in (
        CONDA,
        TEXT,
        Path("conda.yml"),
        "{dependencies: [python=3.11, {pip: [lightgbm]}], name: e}",
        "conda.yml",
        str(tmp_path / "conda.yml"),
    ):
        assert read_conda("conda_file", value, tmp_path) == CONDA
    assert read_conda("conda_file", None, tmp_path) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("gone.yml", "gone.yml' cannot be read: No such file or directory"),
        (".", "cannot be read: Is a directory"),
        ("dependencies: [\n", "it is not valid YAML: "),
        ("bad.yml", "bad.yml': it is not valid YAML"),
        ("binary.yml", "binary.yml' cannot be read"),
        ("name: e\nx: y\n", "must be a mapping with a list named 'dependencies'"),
        ({"dependencies": "python"}, "must be a mapping with a list"),
        (["python"], "must be a mapping with a list"),
        ("dependencies: [2024-01-01]", "it contains what a conda file cannot: Object of type date"),
        (Path("gone.yml"), "gone.yml' cannot be read: No such file or directory"),
        (Path("https://h/c.yml"), "'https:/h/c.yml' is a URL, but it must be the path of a file"),
        ("dependencies: [.nan]", "it contains what a conda file cannot"),
        ("dependencies: &a [*a]", "it contains what a conda file cannot: Circular"),
        ("dependencies: [!!python/object/apply:os.getcwd []]", "it is not valid YAML"),
    ],
)  # fmt: skip
def test_conda_files_that_are_refused(tmp_path: Path, value: Any, words: str) -> None:
    (tmp_path / "bad.yml").write_text("a: [1\n")
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidSpecError) as caught:
        read_conda("conda_file", value, tmp_path)
    assert str(caught.value).startswith("conda_file")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


TRAVELS = {
    "name": "e",
    "channels": ["conda-forge", "pkgs/main", "conda-forge/label/dev", "https://conda.example.org/c"],
    "dependencies": [
        "python=3.11",
        "conda-forge/linux-64::numpy>=1.26",
        "https://conda.example.org/c/noarch/six-1.0-0.tar.bz2",
        3,
        {
            "pip": [
                "six==1.16.0  # a comment with a/slash",
                "uvicorn[standard]>=0.30; sys_platform != 'win32' and platform_release != 'a/b'",
                "a @ https://example.org/a-1.0-py3-none-any.whl",
                "https://example.org/a-1.0.zip",
                "git+https://github.com/o/r@v1#egg=r",
                "git+ssh://git@github.com/o/r",
                "-e git+https://github.com/o/r#egg=r",
                "--editable=git+https://github.com/o/r#egg=r",
                "-r https://example.org/requirements.txt",
                "-c https://example.org/constraints.txt",
                "--find-links https://example.org/wheels",
                "-f https://example.org/wheels",
                "--extra-index-url https://contoso@pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/",
                "--index-url https://${NAME}:${TOKEN}@example.org/simple",
                "--no-binary :all:",
                "--no-index",
                "--pre",
                "b==1 --hash=sha256:ab/cd",
            ]
        },
    ],
    "variables": {"A": "sig=1", "B": "/mnt/data"},
}


def test_what_a_build_can_have_is_left_as_it_is(tmp_path: Path) -> None:
    assert read_conda("conda_file", TRAVELS, tmp_path) == TRAVELS


@pytest.mark.parametrize(
    "line",
    [
        "-e .", "-e.", "--editable ./pkg", "--editable=../pkg", "-e file:///pkg", "-e pkg",
        ".", "./pkg", ".[extra]", "../pkg", "/opt/pkg", "~/pkg", "pkg/sub", r"C:\pkg", r"sub\pkg",
        "a-1.0-py3-none-any.whl", "a-1.0.tar.gz", "dist/a-1.0.zip ; python_version > '3'", "a.whl[x]",
        "a @ file:///opt/a", "a@file:./a", "file:a", "git+file:///opt/repo", "a[x] @ file:///opt/a",
        "-f wheels", "--find-links=./wheels", "--find-links '/opt/wheels'", "-i /opt/index",
        "--extra-index-url file:///opt/index",
    ],
)  # fmt: skip
def test_what_is_on_this_machine_only_is_refused(tmp_path: Path, line: str) -> None:
    for given in (line, f"{line}  # comment"):
        with pytest.raises(
            InvalidSpecError, match=r"^conda_file: its pip line .* names what is on this machine"
        ):
            read_conda("conda_file", {"dependencies": [{"pip": ["six", given]}]}, tmp_path)


@pytest.mark.parametrize(
    ("conda", "words"),
    [
        ({"dependencies": [{"pip": "six"}]}, "its 'pip' is 'six', but must be a list"),
        ({"dependencies": [{"pip": None}]}, "its 'pip' is None, but must be a list"),
        ({"dependencies": [{"pip": ["six", 3]}]}, "must be a list of requirements"),
        ({"dependencies": [{"npm": ["x"]}]}, "its dependency {'npm': ['x']} must be text, or a mapping"),
        ({"dependencies": [{"pip": ["x"], "python": "3"}]}, "must be text, or a mapping with the one key"),
        ({"dependencies": [None]}, "its dependency None must be text"),
        ({"dependencies": [["six"]]}, "its dependency ['six'] must be text"),
        ({"dependencies": ["./six-1.0.conda"]}, "its dependency './six-1.0.conda' is on this machine"),
        ({"dependencies": ["six-1.0.tar.bz2"]}, "is on this machine"),
        ({"dependencies": ["file:///opt/six.conda"]}, "is on this machine"),
        ({"dependencies": [], "channels": ["./channel"]}, "its channel './channel' is on this machine"),
        ({"dependencies": [], "channels": ["file:///opt/c"]}, "its channel 'file:///opt/c' is on this"),
        ({"dependencies": [{"pip": ["-c constraints.txt"]}]}, "names a file of constraints"),
        ({"dependencies": [{"pip": ["--constraint=c.txt"]}]}, "names a file of constraints"),
        ({"dependencies": [{"pip": ["-r gone.txt"]}]}, "gone.txt' cannot be read: No such file"),
    ],
)  # fmt: skip
def test_what_conda_would_not_take_is_said_in_plain_words(
    tmp_path: Path, conda: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        read_conda("conda_file", conda, tmp_path)
    assert str(caught.value).startswith("conda_file: ")
    assert words in str(caught.value)


REQUIREMENTS = """\
# a comment
-i https://example.org/simple
six==1.16.0   # another one
numpy>=1.26 \\
    --hash=sha256:aa \\
    --hash=sha256:bb

-r more/base.txt
"""


def test_a_requirements_file_takes_the_place_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "env/more").mkdir(parents=True)
    (tmp_path / "env/conda.yml").write_text(
        "dependencies:\n- pip:\n  - first\n  - -r requirements.txt\n  - last\n"
    )
    (tmp_path / "env/requirements.txt").write_bytes(b"\xef\xbb\xbf" + REQUIREMENTS.encode())
    (tmp_path / "env/more/base.txt").write_text("-r lower.txt\r\na @ https://example.org/a.whl\r\n")
    (tmp_path / "env/more/lower.txt").write_text("lower")
    lines = [
        "first",
        "-i https://example.org/simple",
        "six==1.16.0",
        "numpy>=1.26     --hash=sha256:aa     --hash=sha256:bb",
        "lower",
        "a @ https://example.org/a.whl",
        "last",
    ]
    whole = {"dependencies": [{"pip": lines}]}
    assert read_conda("conda_file", "env/conda.yml", tmp_path) == whole
    # Without a file of its own it is relative to the DAG's folder.
    for option in ("-r env/requirements.txt", "--requirement=env/requirements.txt", "-renv/requirements.txt"):
        given = {"dependencies": [{"pip": ["first", option, "last"]}]}
        assert read_conda("conda_file", given, tmp_path) == whole


@pytest.mark.parametrize(
    ("requirements", "words"),
    [
        ("-e .", r"conda_file, '-r r\.txt': its pip line '-e \.' names what is on this machine"),
        ("-r r.txt", r"its pip line '-r r\.txt' leads back to a file that contains it"),
        ("-r ../x/r.txt", "leads back to a file that contains it"),
        ("-i https://u:CANARY@h/simple", r"'-i https://\.\.\.@h/simple' holds a signature or a password"),
    ],
)
def test_and_what_is_wrong_in_it_is_said(tmp_path: Path, requirements: str, words: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/r.txt").write_text(requirements)
    with pytest.raises(InvalidSpecError, match=words):
        read_conda("conda_file", {"dependencies": [{"pip": ["-r r.txt"]}]}, tmp_path / "x")


@pytest.mark.parametrize(
    "secret",
    [
        "https://user:CANARY@example.org/simple",
        "https://:CANARY@example.org/simple",
        "https://user:CAN@ARY@example.org/simple",
        "https://ghp_CANARY0000000000000000@github.com/o/r",
        "https://glpat-CANARY00000000@gitlab.com/o/r",
        f"https://{'CANARY' * 9}@dev.azure.com/o/_git/r",
        "https://account.blob.core.windows.net/c/a.whl?sv=1&sig=CANARY",
        "https://example.org/a.whl?token=CANARY",
        "https://bucket.s3.amazonaws.com/a.whl?X-Amz-Signature=CANARY",
        "https://conda.example.org/t/tk-0a1b2c3d-0000-4000-8000-0123456789ab/channel",
    ],
)
def test_no_password_of_a_url_is_registered(tmp_path: Path, secret: str) -> None:
    for conda in (
        {"dependencies": [], "channels": [secret]},
        {"dependencies": [f"{secret}/six.conda"]},
        {"dependencies": [{"pip": [f"--extra-index-url {secret}"]}]},
        {"dependencies": [{"pip": [f"-e git+{secret}#egg=r"]}]},
        {"dependencies": [], "variables": {"PIP_INDEX_URL": secret}},
    ):
        with pytest.raises(
            InvalidSpecError, match=r"holds a signature or a password.* python_feed or git"
        ) as told:
            read_conda("conda_file", conda, tmp_path)
        for part in ("CAN", "ARY", "0a1b2c3d"):
            assert part not in str(told.value)
