"""What is left out of a local folder: by-products, and what its ignore files list."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec, Pattern

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

AMLIGNORE = ".amlignore"
GITIGNORE = ".gitignore"

BY_PRODUCTS = (
    # Operating systems and file systems
    ".DS_Store", "._*", "Thumbs.db", "desktop.ini", ".nfs*", ".fuse_hidden*",
    # Editors: swap files, locks, backups
    ".*.sw[a-p]", "*~", ".#*", "#*#",
    # Notebooks, including those of Azure ML's compute instances
    ".ipynb_checkpoints", ".ipynb_aml_checkpoints", "*.amltmp", "*.amltemp",
)  # fmt: skip
"""Names of files and folders that nobody means to upload; left out of code, build contexts and data."""

CODE_BY_PRODUCTS = (
    # Python and its tools
    "__pycache__", "*.pyc", "*.pyo", ".venv", ".tox", ".nox",
    ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".coverage",
    # Version control and development environments
    ".git", ".hg", ".svn", ".idea", ".vscode",
)  # fmt: skip
"""As above, left out of code and build contexts; in data they may be the content itself."""

VIRTUAL_ENVIRONMENT = "pyvenv.cfg"
"""A folder of code that contains this file is a virtual environment of any name, and is left out."""


@dataclass(frozen=True)
class _Rule:
    """A line of an ignore file."""

    pattern: Pattern
    line: str
    below: str
    """The content's folder relative to that of the ignore file: empty, or ending with a slash."""

    def matches(self, name: str) -> bool:
        """Whether it matches a name, or a folder that contains it."""
        return self.pattern.match_file(self.below + name) is not None

    def brings_back(self, name: str) -> bool:
        """Whether it names the by-product itself, not a folder that contains it, and is not just ``!*``."""
        if self.pattern.include is not False or not self.line.strip("!/").rpartition("/")[2].strip("*"):
            return False
        folder = (self.below + name).rstrip("/").rpartition("/")[0]
        return self.matches(name) and self.pattern.match_file(f"{folder}/") is None


class Ignore:
    """What is left out of a folder.

    By-products are left out, unless an ignore file names them with a ``!``. The last matching rule of the
    ignore files decides, as in azure-ai-ml 1.35.2 (``_utils/_asset_utils.py``), which has no by-products. The
    ignore file is the folder's ``.amlignore``, else its ``.gitignore``, as there. Without ``.amlignore``, the
    ``.gitignore`` files of its parent folders in the same git repository count, too, except rules that would
    leave out the folder itself, because the user asked for it. For data these files do not count, because
    they often exist to keep data out of git.

    :raises InvalidSpecError: for an ignore file that cannot be read.
    """

    def __init__(self, field: str, root: Path, *, is_data: bool = False) -> None:
        by_products = BY_PRODUCTS if is_data else BY_PRODUCTS + CODE_BY_PRODUCTS
        self._by_product = re.compile("|".join(map(fnmatch.translate, by_products)))
        self._is_data = is_data
        self.files = tuple(_ignore_files(root, is_data))
        self._rules = [rule for file in self.files for rule in _read(field, file, root)]
        self._may_come_back = any(rule.pattern.include is False for rule in self._rules)

    def leaves_out(self, entry: os.DirEntry[str], name: str) -> bool:
        """Whether an entry is left out, in the case of a folder with everything in it.

        A folder that a rule leaves out may contain a file that another rule includes again. Links are not
        followed for that.
        """
        is_folder = entry.is_dir()
        item = f"{name}/" if is_folder else name
        if self._is_by_product(entry, is_folder) and not any(rule.brings_back(item) for rule in self._rules):
            return True
        if not self._is_ignored(item):
            return False
        return not is_folder or entry.is_symlink() or not self._may_come_back

    def _is_by_product(self, entry: os.DirEntry[str], is_folder: bool) -> bool:
        if self._by_product.match(entry.name):
            return True
        return is_folder and not self._is_data and Path(entry.path, VIRTUAL_ENVIRONMENT).is_file()

    def _is_ignored(self, item: str) -> bool:
        ignored = False
        for rule in self._rules:
            if rule.matches(item):
                ignored = bool(rule.pattern.include)
        return ignored


def _ignore_files(root: Path, is_data: bool) -> Iterator[Path]:
    """The ignore files that count, in rising order of precedence."""
    if (root / AMLIGNORE).is_file():
        yield root / AMLIGNORE
        return
    if not is_data:
        yield from _gitignores_above(root.resolve())
    if (root / GITIGNORE).is_file():
        yield root / GITIGNORE


def _gitignores_above(root: Path) -> Iterator[Path]:
    """Those of the parent folders, from the top of the git repository that contains the folder."""
    folders = (root, *root.parents)
    top = next((depth for depth, folder in enumerate(folders) if os.path.lexists(folder / ".git")), 0)
    return (file for folder in reversed(folders[1 : top + 1]) if (file := folder / GITIGNORE).is_file())


def _read(field: str, file: Path, root: Path) -> Iterator[_Rule]:
    is_above = file.parent != root
    below = f"{root.resolve().relative_to(file.parent).as_posix()}/" if is_above else ""
    try:
        # A byte order mark is not part of the first rule. In files of parent folders, git accepts any bytes.
        text = file.read_text(encoding="utf-8-sig", errors="replace" if is_above else None)
        for line in map(str.rstrip, text.splitlines()):
            for pattern in GitIgnoreSpec.from_lines([line]).patterns:
                rule = _Rule(pattern, line, below)
                if pattern.include is not None and not (pattern.include and is_above and rule.matches("")):
                    yield rule
    except ValueError as error:
        raise InvalidSpecError(field, f"{str(file)!r} cannot be read: {error}.") from None
