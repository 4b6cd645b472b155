"""Local files that are to become an asset: which they are, and the hash of their content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pathspec import GitIgnoreSpec

from airflow_provider_amlrest.rest.errors import InvalidSpecError

IGNORE_FILES = (".amlignore", ".gitignore")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class LocalFile:
    path: Path
    name: str
    """Relative to the root, with forward slashes."""
    size: int


@dataclass(frozen=True)
class LocalContent:
    """A file, or a folder's files after its ignore file, ordered as the hash wants them."""

    root: Path
    files: tuple[LocalFile, ...]
    is_folder: bool
    field: str = "path"

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @cached_property
    def hash(self) -> str:
        """SHA-256 as Microsoft's SDK makes it (version 202208): count, names with sizes, then contents.

        Raises InvalidSpecError for a file that cannot be read.
        """
        digest = hashlib.sha256(str(len(self.files)).encode())
        for file in self.files:
            digest.update(f"#{file.name}#{file.size}".encode())
        for file in self.files:
            for chunk in self._chunks(file):
                digest.update(chunk)
        return digest.hexdigest()

    def _chunks(self, file: LocalFile) -> Iterator[bytes]:
        try:
            with file.path.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
        except OSError as error:
            raise _unreadable(self.field, file.path, error) from None


def read_content(field: str, path: Path) -> LocalContent:
    """List what there is to upload at a path.

    A folder's ``.amlignore`` in its root decides what is left out, else its ``.gitignore``; nothing is
    left out by default. Links are followed, but not out of the folder.

    :raises InvalidSpecError: if there is nothing at the path, nothing is left of it, a link leaves the
        folder, or something cannot be read.
    """
    if path.is_file():
        return LocalContent(path, (LocalFile(path, path.name, path.stat().st_size),), False, field)
    if not path.is_dir():
        raise InvalidSpecError(field, f"there is no file or folder {str(path)!r}.")
    ignore = _ignore_rules(field, path)
    files = [
        LocalFile(found, name, found.stat().st_size)
        for found, name in _walk(field, path, path.resolve())
        if not ignore.match_file(name)
    ]
    if not files:
        rules = next((name for name in IGNORE_FILES if (path / name).is_file()), None)
        reason = f"everything in it is left out by its {rules}" if rules else "it is empty"
        raise InvalidSpecError(field, f"the folder {str(path)!r} has nothing to upload: {reason}.")
    return LocalContent(path, tuple(sorted(files, key=lambda file: file.name.lower())), True, field)


def _ignore_rules(field: str, root: Path) -> GitIgnoreSpec:
    for name in IGNORE_FILES:
        file = root / name
        if file.is_file():
            try:
                return GitIgnoreSpec.from_lines(line.rstrip() for line in file.read_text().splitlines())
            except (OSError, UnicodeDecodeError) as error:
                raise _unreadable(field, file, error) from None
    return GitIgnoreSpec(())


def _walk(field: str, root: Path, real_root: Path) -> Iterator[tuple[Path, str]]:
    """Every file below a folder with its name relative to it; folders that a link leads to included."""
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise _unreadable(field, folder, error) from None
        for entry in entries:
            path = Path(entry.path)
            if entry.is_symlink():
                _check_link(field, path, real_root)
            if entry.is_dir():
                pending.append(path)
            elif entry.is_file():
                yield path, path.relative_to(root).as_posix()


def _check_link(field: str, link: Path, real_root: Path) -> None:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        raise InvalidSpecError(field, f"the link {str(link)!r} leads nowhere; remove or ignore it.") from None
    if not target.is_relative_to(real_root):
        raise InvalidSpecError(
            field,
            f"the link {str(link)!r} leaves the folder, to {str(target)!r}; copy what it points to, "
            "or remove the link.",
        )
    if target in {parent.resolve() for parent in link.parents}:
        raise InvalidSpecError(field, f"the link {str(link)!r} leads to a folder that it lies in; remove it.")


def _unreadable(field: str, path: Path, error: Exception) -> InvalidSpecError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InvalidSpecError(field, f"{str(path)!r} cannot be read: {reason}.")
