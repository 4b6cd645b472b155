"""The local files of an asset, and the hash of their content."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from airflow_provider_amlrest.rest.assets.upload.ignore import Ignore
from airflow_provider_amlrest.rest.http.errors import ContentChangedError, InvalidSpecError

_CHUNK = 1 << 20
_URL = re.compile(r"[a-zA-Z][\w+.\-]+:/")
"""With one slash, because ``pathlib`` removes the second."""


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
    """A file, or the files of a folder without those that are left out, in the order of the hash."""

    root: Path
    files: tuple[LocalFile, ...]
    is_folder: bool
    field: str = "path"

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def name(self) -> str:
        """Of the folder, which may be written as ``..``; or of the file, for a link its own."""
        return self.root.resolve().name if self.is_folder else self.root.name

    @cached_property
    def hash(self) -> str:
        """SHA-256 as in Microsoft's SDK (version 202208): count, names with sizes, then contents.

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

    def with_other(self, other: LocalContent) -> LocalContent:
        """The same with other files beside them: a folder's in a folder of its name.

        Raises InvalidSpecError where a file would take the place of another one.
        """
        folder = f"{other.root.name}/" if other.is_folder else ""
        files = [*self.files, *(replace(file, name=f"{folder}{file.name}") for file in other.files)]
        names = [file.name for file in files]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InvalidSpecError(other.field, f"{twice!r} is in {str(self.root)!r} as well.")
        return replace(self, files=tuple(sorted(files, key=lambda file: (file.name.lower(), file.name))))

    def read(self, file: LocalFile, size: int) -> Iterator[bytes]:
        """A file's content in pieces of ``size`` bytes; the last one may be shorter.

        :raises InvalidSpecError: if it cannot be read.
        :raises ContentChangedError: after the last piece, if the file has changed since it was listed; at
            the listed size, if the file is longer: it may grow faster than it is read.
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
    """A path as a user writes it, relative to ``base``. Raises InvalidSpecError otherwise."""
    if not isinstance(path, str | PurePath) or not str(path).strip() or "\0" in str(path):
        raise InvalidSpecError(field, f"{path!r} must be the path of a file or folder.")
    if _URL.match(str(path)):
        raise InvalidSpecError(
            field, f"{str(path)!r} is a URL, but it must be the path of a file or folder of this machine."
        )
    try:
        found = base / Path(path).expanduser()
    except RuntimeError:
        raise InvalidSpecError(field, f"{path!r}: this machine has no such home folder.") from None
    if archive := next((parent for parent in found.parents if parent.is_file()), None):
        raise InvalidSpecError(
            field,
            f"{path!r} would be in {archive}, which is a file: a DAG in a zip has no folder of its own. "
            "Deploy the files unpacked, and give their absolute path.",
        )
    return found


def read_content(field: str, path: Path, *, is_data: bool = False) -> LocalContent:
    """List what to upload at a path.

    :class:`ignore.Ignore` describes what is left out of a folder. Links are followed, but not out of the
    folder; files that are left out may link anywhere.

    :param is_data: whether it is data, where fewer files are left out than in code.
    :raises InvalidSpecError: if the path does not exist, nothing in it remains, a link leaves the folder, or
        something cannot be read.
    """
    try:
        if path.is_file():
            return LocalContent(path, (LocalFile.at(path, path.name),), False, field)
        if not path.is_dir():
            raise InvalidSpecError(field, f"there is no file or folder {str(path)!r}.")
        ignore = Ignore(field, path, is_data=is_data)
        files = list(_walk(field, path, ignore))
    except OSError as error:
        raise unreadable(field, Path(error.filename or path), error) from None
    if not files:
        raise InvalidSpecError(
            field, f"the folder {str(path)!r} has nothing to upload: {_why(path, ignore)}."
        )
    return LocalContent(
        path, tuple(sorted(files, key=lambda file: (file.name.lower(), file.name))), True, field
    )


def read_local(field: str, base: Path, path: Any, *, is_data: bool = False) -> LocalContent:
    """What to upload at a path; a relative path is relative to ``base``.

    Raises the same errors as :func:`local_path` and :func:`read_content`.
    """
    return read_content(field, local_path(field, base, path), is_data=is_data)


def _why(folder: Path, ignore: Ignore) -> str:
    """Why nothing in a folder remains."""
    if not any(files for _, _, files in os.walk(folder)):
        return "it is empty"
    if not ignore.files:
        return "it has only by-products, such as __pycache__"
    files = [f"its {file.name}" if file.parent == folder else repr(str(file)) for file in ignore.files]
    return f"everything in it is left out by {', '.join(files)}, or as a by-product such as __pycache__"


def _walk(field: str, root: Path, ignore: Ignore) -> Iterator[LocalFile]:
    """Every file in a folder that is not left out, including folders that a link leads to."""
    real_root = root.resolve()
    pending = [root]
    while pending:
        folder = pending.pop()
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            path = Path(entry.path)
            name = path.relative_to(root).as_posix()
            if ignore.leaves_out(entry, name):
                continue
            if entry.is_symlink():
                _check_link(field, path, real_root)
            if entry.is_dir():
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
        raise InvalidSpecError(
            field, f"the link {str(link)!r} leads to a folder that contains it; remove it."
        )


def unreadable(field: str, path: Path, error: Exception) -> InvalidSpecError:
    """The error for a file or folder that cannot be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InvalidSpecError(field, f"{str(path)!r} cannot be read: {reason}.")
