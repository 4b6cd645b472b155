"""Local files that are to become an asset: which they are, and the hash of their content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec, Pattern

from airflow_provider_amlrest.rest.errors import ContentChangedError, InvalidSpecError

IGNORE_FILES = (".amlignore", ".gitignore")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class LocalFile:
    path: Path
    name: str
    """Relative to the root, with forward slashes."""
    size: int
    modified: int
    """Time of the last change, in nanoseconds."""

    @classmethod
    def at(cls, path: Path, name: str) -> LocalFile:
        """The file as it is now."""
        status = path.stat()
        return cls(path, name, status.st_size, status.st_mtime_ns)


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

        Raises InvalidSpecError for a file that cannot be read, and ContentChangedError for one that has
        changed since it was listed.
        """
        digest = hashlib.sha256(str(len(self.files)).encode())
        for file in self.files:
            digest.update(f"#{file.name}#{file.size}".encode())
        for file in self.files:
            for chunk in self.read(file, _CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def read(self, file: LocalFile, size: int) -> Iterator[bytes]:
        """A file's content in pieces of ``size`` bytes, the last one excepted.

        :raises InvalidSpecError: if it cannot be read.
        :raises ContentChangedError: after the last piece, if the file has changed since it was listed; at
            the listed size, if it goes on: it may grow faster than it is read.
        """
        left = file.size
        try:
            with file.path.open("rb") as stream:
                while (chunk := stream.read(size)) and (left := left - len(chunk)) >= 0:
                    yield chunk
                status = os.fstat(stream.fileno())
        except OSError as error:
            raise unreadable(self.field, file.path, error) from None
        if left or (status.st_size, status.st_mtime_ns) != (file.size, file.modified):
            raise ContentChangedError(self.field, file.path)


def local_path(field: str, base: Path, path: Any) -> Path:
    """A path as a person writes it, relative to ``base``. Raises InvalidSpecError for what is none."""
    if not isinstance(path, str) or not path.strip() or "\0" in path:
        raise InvalidSpecError(field, f"{path!r} must be the path of a file or folder.")
    try:
        found = base / Path(path).expanduser()
    except RuntimeError:
        raise InvalidSpecError(field, f"{path!r}: this machine has no such home folder.") from None
    if archive := next((parent for parent in found.parents if parent.is_file()), None):
        raise InvalidSpecError(
            field,
            f"{path!r} would be in {archive}, which is a file: a DAG in a zip has no folder of its own. Ship "
            "the files unpacked, and give their absolute path.",
        )
    return found


def read_content(field: str, path: Path) -> LocalContent:
    """List what there is to upload at a path.

    A folder's ``.amlignore`` in its root decides what is left out, else its ``.gitignore``; nothing is
    left out by default. Links are followed, but not out of the folder; what is left out may link anywhere.

    :raises InvalidSpecError: if there is nothing at the path, nothing is left of it, a link leaves the
        folder, or something cannot be read.
    """
    try:
        if path.is_file():
            return LocalContent(path, (LocalFile.at(path, path.name),), False, field)
        if not path.is_dir():
            raise InvalidSpecError(field, f"there is no file or folder {str(path)!r}.")
        ignore = _Ignore(field, path)
        files = list(_walk(field, path, ignore))
    except OSError as error:
        raise unreadable(field, Path(error.filename or path), error) from None
    if not files:
        reason = f"everything in it is left out by its {ignore.file}" if ignore.file else "it is empty"
        raise InvalidSpecError(field, f"the folder {str(path)!r} has nothing to upload: {reason}.")
    return LocalContent(
        path, tuple(sorted(files, key=lambda file: (file.name.lower(), file.name))), True, field
    )


class _Ignore:
    """A folder's ignore rules. The last one that matches decides, as in Microsoft's SDK."""

    def __init__(self, field: str, root: Path) -> None:
        self.file = next((name for name in IGNORE_FILES if (root / name).is_file()), None)
        self._patterns: Sequence[Pattern] = ()
        if self.file is None:
            return
        try:
            lines = (root / self.file).read_text(encoding="utf-8").splitlines()
            self._patterns = list(GitIgnoreSpec.from_lines(map(str.rstrip, lines)).patterns)
        except ValueError as error:
            raise unreadable(field, root / self.file, error) from None

    def leaves_out(self, name: str) -> bool:
        """Whether a file, or with a slash at its end a folder, is left out."""
        left_out = False
        for pattern in self._patterns:
            if pattern.include is not None and pattern.match_file(name) is not None:
                left_out = pattern.include
        return left_out

    def leaves_out_folder(self, name: str, is_link: bool) -> bool:
        """Whether a folder needs no look: no ``!`` rule brings back a file of it. Links are not asked."""
        may_come_back = not is_link and any(pattern.include is False for pattern in self._patterns)
        return self.leaves_out(f"{name}/") and not may_come_back


def _walk(field: str, root: Path, ignore: _Ignore) -> Iterator[LocalFile]:
    """Every file below a folder that is not left out; folders that a link leads to included."""
    real_root = root.resolve()
    pending = [root]
    while pending:
        folder = pending.pop()
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            path = Path(entry.path)
            name = path.relative_to(root).as_posix()
            is_link, is_folder = entry.is_symlink(), entry.is_dir()
            if ignore.leaves_out_folder(name, is_link) if is_folder else ignore.leaves_out(name):
                continue
            if is_link:
                _check_link(field, path, real_root)
            if is_folder:
                pending.append(path)
            elif entry.is_file():
                yield LocalFile.at(path, _utf8(field, name))


def _utf8(field: str, name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InvalidSpecError(field, f"the file name {name!r} is not UTF-8; rename it.") from None
    return name


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


def unreadable(field: str, path: Path, error: Exception) -> InvalidSpecError:
    """The error for a file or folder that cannot be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InvalidSpecError(field, f"{str(path)!r} cannot be read: {reason}.")
