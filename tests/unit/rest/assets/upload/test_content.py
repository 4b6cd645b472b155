from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_provider_amlrest.rest.assets.upload.content import local_path, read_content
from airflow_provider_amlrest.rest.http.errors import ContentChangedError, InvalidSpecError

# Golden: get_content_hash(path, get_ignore_file(path)) of azure-ai-ml 1.35.2 (in its _utils._asset_utils) on
# the tree of the fixture below, and on one file of it.
TREE_HASH = "8c8e8e27f21323eb5f443583a5ac79fadea1b73a0f2baaa1ac3dae6eb2e27e31"
FILE_HASH = "31189e9ecec4a68fe1c95c8d5cd207c1b91d90e6e9630302dc6e40e438d4d93a"

FILES = {
    "src/train.py": b'print("hello")\n',
    "src/__init__.py": b"",
    "src/Nested/deep/Mod.PY": b"a=1\r\n",
    "Zeta.txt": b"zeta",
    "alpha.txt": b"alpha",
    "b/data.bin": b"\xff\x00\x01",
    "B dir/gr\u00fc\u00dfe.txt": "gr\u00fc\u00dfe".encode(),
    "A/x": b"up",
    "logs/a.log": b"log",
    "logs/b.txt": b"log",
    "keep/important.log": b"k",
    "a_b": b"x",
    "a-b": b"y",
    ".amlignore": b"# comment\n*.log   \nlogs/\n!keep/important.log\n!logs/b.txt\n",
    ".gitignore": b"nothing*\n",
}


def plant(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def names(root: Path) -> list[str]:
    return [file.name for file in read_content("code", root).files]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    plant(tmp_path / "tree", FILES)
    (tmp_path / "tree/b/link.py").symlink_to("../src/train.py")
    (tmp_path / "tree/linkdir").symlink_to("src")
    return tmp_path / "tree"


def test_hash_of_a_folder_is_that_of_microsofts_sdk(tree: Path) -> None:
    content = read_content("code", tree)
    assert content.hash == TREE_HASH
    assert content.is_folder
    assert [file.name for file in content.files] == sorted((f.name for f in content.files), key=str.lower)
    assert "linkdir/Nested/deep/Mod.PY" in {file.name for file in content.files}
    assert content.size == sum((tree / file.name).stat().st_size for file in content.files)


def test_hash_of_a_file_is_that_of_microsofts_sdk(tree: Path) -> None:
    content = read_content("code", tree / "src/train.py")
    assert content.hash == FILE_HASH
    assert not content.is_folder
    assert [file.name for file in content.files] == ["train.py"]


def test_hash_tells_contents_names_and_borders_apart(tmp_path: Path) -> None:
    trees = [
        {"a": b"1", "b": b"2"},
        {"a": b"2", "b": b"1"},
        {"a": b"12", "b": b""},
        {"a": b"1", "c": b"2"},
        {"a": b"1", "b/b": b"2"},
    ]
    hashes = {read_content("code", plant(tmp_path / str(i), files)).hash for i, files in enumerate(trees)}
    assert len(hashes) == len(trees)
    assert read_content("code", plant(tmp_path / "again", trees[0])).hash in hashes


def test_amlignore_wins_over_gitignore_and_both_are_uploaded(tmp_path: Path) -> None:
    plant(tmp_path, {".amlignore": b"a\n", ".gitignore": b"b\n", "a": b"", "b": b""})
    assert names(tmp_path) == [".amlignore", ".gitignore", "b"]


def test_gitignore_counts_where_there_is_no_amlignore(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {".gitignore": b"*.pyc\r\n__pycache__/\n", "a.py": b"", "x/__pycache__/a": b"", "x/b.pyc": b""},
    )
    assert names(tmp_path) == [".gitignore", "a.py"]


def test_nested_ignore_files_are_files_like_others(tmp_path: Path) -> None:
    plant(tmp_path, {"x/.gitignore": b"*\n", "x/a": b""})
    assert names(tmp_path) == ["x/.gitignore", "x/a"]


BY_PRODUCT_FILES = (
    "__pycache__/train.cpython-312.pyc", "lib/__pycache__/a.pyc", "old.pyc", "old.pyo",
    ".ipynb_checkpoints/a-checkpoint.ipynb", ".ipynb_aml_checkpoints/b", "a.amltmp", "a.amltemp",
    ".train.py.swp", ".train.py.swo", "train.py~", "lib/.#train.py", "#train.py#",
    ".DS_Store", "lib/._train.py", "Thumbs.db", "desktop.ini", ".nfs000000000012", ".fuse_hidden0001",
    ".git/HEAD", ".git/objects/aa/bb", ".hg/x", ".svn/x", "lib/submodule/.git",
    ".idea/workspace.xml", ".vscode/x",
    ".venv/bin/python", "any name/pyvenv.cfg", "any name/bin/python", ".tox/x", ".nox/x",
    ".pytest_cache/x", ".mypy_cache/x", ".ruff_cache/x", ".hypothesis/x", ".coverage",
)  # fmt: skip
NO_BY_PRODUCTS = (
    ".amlignore", ".env", ".gitattributes", ".gitignore", "Thumbs.dbx", "a.pyd", "coverage", "env/gym.py",
    "git/a", "lib/train.swp", "pycache", "venv/not_one.py",
)  # fmt: skip


def test_by_products_change_no_code(tmp_path: Path) -> None:
    plant(tmp_path, {"train.py": b"1", "lib/a.py": b"2"})
    before = read_content("code", tmp_path).hash
    for number, name in enumerate(BY_PRODUCT_FILES):
        plant(tmp_path, {name: str(number).encode()})
        assert names(tmp_path) == ["lib/a.py", "train.py"], name
    assert read_content("code", tmp_path).hash == before


def test_what_only_looks_like_a_by_product_is_code(tmp_path: Path) -> None:
    plant(tmp_path, dict.fromkeys(NO_BY_PRODUCTS, b""))
    assert sorted(names(tmp_path)) == sorted(NO_BY_PRODUCTS)


def test_a_virtual_environment_may_link_anywhere(tmp_path: Path) -> None:
    plant(tmp_path, {"code/a.py": b"", "code/ve/pyvenv.cfg": b"", "real/pyvenv.cfg": b"", "real/x": b""})
    (tmp_path / "code/ve/python").symlink_to("/usr/bin/env")
    (tmp_path / "code/linked").symlink_to("../real")
    (tmp_path / "code/.venv").symlink_to("gone")
    assert names(tmp_path / "code") == ["a.py"]


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        (b"!*.pyc\n", ["lib/old.pyc", "old.pyc"]),
        (b"!/lib/old.pyc\n", ["lib/old.pyc"]),
        (b"!old.pyc\nold.pyc\n!/old.pyc\n", ["old.pyc"]),
        (b"!.git\n", [".git/HEAD"]),
        (b"!.git/\n.git/objects/\n", [".git/HEAD"]),
        (b"!__pycache__/\n!*.pyc\n/*.pyc\n/lib/*.pyc\n", ["lib/__pycache__/a.pyc"]),
        (b"!ve/\n", ["ve/pyvenv.cfg"]),
        # These bring folders and other files back; they name no by-product.
        (b"*\n!*/\n!*.py\n", []),
        (b"/*\n!/lib/\n", []),
        (b"/*\n!/lib/**\n", []),
        (b"!*\n!**\n!**/*\n", []),
        (b"!lib\n", []),
    ],
)
def test_an_ignore_file_brings_a_by_product_back_by_its_name(
    tmp_path: Path, rules: bytes, kept: list[str]
) -> None:
    by_products = ("old.pyc", "lib/old.pyc", "lib/__pycache__/a.pyc", ".git/HEAD", "ve/pyvenv.cfg")
    plant(tmp_path, {".amlignore": rules, "lib/a.py": b"", **dict.fromkeys(by_products, b"")})
    assert sorted(set(names(tmp_path)) - {".amlignore", "lib/a.py"}) == kept


def test_of_data_less_is_left_out(tmp_path: Path) -> None:
    kept = ["__pycache__/a.pyc", ".git/HEAD", "ve/pyvenv.cfg", "a.csv"]
    left_out = [".DS_Store", "._a.csv", ".ipynb_checkpoints/a-checkpoint.csv", ".a.csv.swp"]
    plant(tmp_path, dict.fromkeys([*kept, *left_out], b""))
    data = read_content("path", tmp_path, is_data=True)
    assert sorted(file.name for file in data.files) == sorted(kept)


def test_a_byte_order_mark_is_no_part_of_a_rule(tmp_path: Path) -> None:
    plant(tmp_path, {".amlignore": b"\xef\xbb\xbf*.log\n", "a.log": b"", "b": b""})
    assert names(tmp_path) == [".amlignore", "b"]


REPOSITORY = {
    ".gitignore": b"*.log\n/dags/src/scratch/\n/scratch/\nmodels/\n\xff\n",
    "dags/.gitignore": b"\xef\xbb\xbf*.tmp\n!kept.log\n",
    "dags/src/train.py": b"",
    "dags/src/a.log": b"",
    "dags/src/kept.log": b"",
    "dags/src/x/a.tmp": b"",
    "dags/src/scratch/a": b"",
    "dags/src/x/scratch/a": b"",
    "dags/src/models/a": b"",
}


def test_gitignores_above_count_within_the_repository(tmp_path: Path) -> None:
    plant(tmp_path, {".gitignore": b"*.py\n", "repo/.git/HEAD": b""})
    plant(tmp_path / "repo", REPOSITORY)
    root = tmp_path / "repo/dags/src"
    assert names(root) == ["kept.log", "train.py", "x/scratch/a"]
    (tmp_path / "link").symlink_to("repo/dags/src")
    assert names(tmp_path / "link") == names(root)
    plant(root, {".gitignore": b"!models/\nx/\n"})
    assert names(root) == [".gitignore", "kept.log", "models/a", "train.py"]
    # Where there is one, it alone counts; and so it is for data.
    plant(root, {".amlignore": b"x/\n"})
    assert "a.log" in names(root)
    (root / ".amlignore").unlink()
    (root / ".gitignore").unlink()
    data = read_content("path", root, is_data=True)
    assert {"a.log", "models/a", "x/a.tmp"} <= {file.name for file in data.files}


def test_gitignores_above_do_not_count_where_there_is_no_repository(tmp_path: Path) -> None:
    plant(tmp_path, REPOSITORY)
    assert "a.log" in names(tmp_path / "dags/src")


def test_a_submodule_is_a_repository_of_its_own(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {".git/HEAD": b"", ".gitignore": b"*.log\n", "sub/.git": b"gitdir: ../.git\n", "sub/a.log": b""},
    )
    assert names(tmp_path / "sub") == ["a.log"]


@pytest.mark.parametrize("rules", [b"src/\n", b"/dags/src\n", b"*\n", b"dags/\n", b"dags/src/**\n"])
def test_a_folder_that_git_ignores_is_uploaded_all_the_same(tmp_path: Path, rules: bytes) -> None:
    """It was asked for; other rules hold in it."""
    plant(
        tmp_path,
        {".git/HEAD": b"", ".gitignore": rules + b"*.log\n", "dags/src/a": b"", "dags/src/b.log": b""},
    )
    assert names(tmp_path / "dags/src") == ["a"]


def test_the_last_rule_decides_as_in_microsofts_sdk(tmp_path: Path) -> None:
    plant(tmp_path, {".amlignore": b"!keep/a.log\nkeep/\n", "keep/a.log": b"", "b": b""})
    assert names(tmp_path) == [".amlignore", "b"]


def test_a_folder_rule_leaves_a_file_of_that_name_alone(tmp_path: Path) -> None:
    plant(tmp_path, {".amlignore": b"logs/\n", "logs": b"", "x/logs/a": b""})
    assert names(tmp_path) == [".amlignore", "logs"]


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    plant(tmp_path, {"code/a": b"", "secret/key": b""})
    for name, target in (("out", "../secret"), ("key", "../secret/key")):
        link = tmp_path / "code" / name
        link.symlink_to(target)
        with pytest.raises(
            InvalidSpecError, match=rf"^code: the link '.*{name}' leaves the folder, to '.*secret"
        ):
            read_content("code", tmp_path / "code")
        link.unlink()


def test_a_sibling_with_the_same_beginning_is_outside(tmp_path: Path) -> None:
    plant(tmp_path, {"code/a": b"", "code2/b": b""})
    (tmp_path / "code/link").symlink_to("../code2/b")
    with pytest.raises(InvalidSpecError, match="leaves the folder"):
        read_content("code", tmp_path / "code")


@pytest.mark.parametrize("rules", [b".venv/\n", b".venv\n!other\n", b".venv/**\n!other\n"])
def test_ignored_links_may_lead_anywhere(tmp_path: Path, rules: bytes) -> None:
    plant(tmp_path, {"code/a": b"", "code/.amlignore": rules, "outside/python": b"", "code/.venv/bin/x": b""})
    (tmp_path / "code/.venv/bin/python").symlink_to("../../../outside/python")
    (tmp_path / "code/.venv/bin/gone").symlink_to("nowhere")
    (tmp_path / "code/.venv/lib").symlink_to("../../outside")
    assert names(tmp_path / "code") == [".amlignore", "a"]


def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    plant(tmp_path, {"a": b""})
    (tmp_path / "b").symlink_to("gone")
    with pytest.raises(InvalidSpecError, match="leads nowhere"):
        read_content("code", tmp_path)


@pytest.mark.parametrize("links", [{"x/up": ".."}, {"x/self": "."}, {"x/y": "../z", "z/x": "../x"}])
def test_loops_are_refused(tmp_path: Path, links: dict[str, str]) -> None:
    plant(tmp_path, {"x/a": b"", "z/a": b""})
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    with pytest.raises(InvalidSpecError, match="leads to a folder that contains it"):
        read_content("code", tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    with pytest.raises(
        InvalidSpecError, match=r"^code: the folder '.*' has nothing to upload: it is empty\.$"
    ):
        read_content("code", tmp_path)


def test_a_folder_that_its_rules_empty_is_refused_and_says_why(tmp_path: Path) -> None:
    plant(tmp_path, {".gitignore": b"*\n", "a": b""})
    with pytest.raises(InvalidSpecError, match=r"left out by its \.gitignore"):
        read_content("code", tmp_path)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"__pycache__/a.pyc": b""}, r"it has only by-products, such as __pycache__\.$"),
        (
            {"../.gitignore": b"*.log\n", "../.git/x": b"", "a.log": b""},
            r"left out by '.*/\.gitignore', or as",
        ),
    ],
)
def test_a_folder_with_nothing_but_what_is_left_out(
    tmp_path: Path, files: dict[str, bytes], why: str
) -> None:
    (tmp_path / "code").mkdir()
    plant(tmp_path / "code", files)
    with pytest.raises(InvalidSpecError, match=why):
        read_content("code", tmp_path / "code")


def test_nothing_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecError, match=r"there is no file or folder '.*gone'"):
        read_content("code", tmp_path / "gone")


def test_a_folder_that_cannot_be_listed_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # By patching: root, who runs the tests here, may read everything.
    plant(tmp_path, {"a": b"", "locked/b": b""})
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InvalidSpecError, match=r"^code: '.*locked' cannot be read: Permission denied\.$"):
        read_content("code", tmp_path)


def test_a_file_that_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    plant(tmp_path, {"a": b"1"})
    content = read_content("code", tmp_path)
    (tmp_path / "a").unlink()
    with pytest.raises(InvalidSpecError, match=r"^code: '.*a' cannot be read: No such file or directory\.$"):
        _ = content.hash


@pytest.mark.parametrize("rules", [b"\xff\xfe", b"!\n", b"///\n"])
def test_bad_ignore_files_are_no_crash(tmp_path: Path, rules: bytes) -> None:
    plant(tmp_path, {".amlignore": rules, "a": b""})
    try:
        assert "a" in names(tmp_path)
    except InvalidSpecError as error:
        assert ".amlignore' cannot be read" in str(error)  # noqa: PT017


def test_a_name_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff", os.O_CREAT | os.O_WRONLY))
    with pytest.raises(InvalidSpecError, match="is not UTF-8"):
        read_content("code", tmp_path)


def test_what_is_neither_file_nor_folder_is_not_uploaded(tmp_path: Path) -> None:
    plant(tmp_path, {"a": b""})
    os.mkfifo(tmp_path / "pipe")
    assert names(tmp_path) == ["a"]


def test_a_file_that_grows_is_read_no_further_than_it_was_listed(tmp_path: Path) -> None:
    plant(tmp_path, {"log": b"12345678"})
    content = read_content("code", tmp_path)
    plant(tmp_path, {"log": b"12345678" * 100})
    pieces = content.read(content.files[0], 4)
    assert [next(pieces), next(pieces)] == [b"1234", b"5678"]
    with pytest.raises(ContentChangedError, match="log' changed while it was read"):
        next(pieces)


def test_a_path_in_a_zip_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "dags.zip").touch()
    with pytest.raises(InvalidSpecError, match=r"a DAG in a zip has no folder of its own"):
        local_path("code", tmp_path / "dags.zip", "src")
    assert local_path("code", tmp_path / "dags.zip", str(tmp_path)) == tmp_path
