"""The store's protocol: immutable folders, published whole or not at all, each file under SHA256SUMS.

A folder is written in a hidden sibling on the same file system, synced, read again, sealed with
`SHA256SUMS` and renamed into place. First wins: a name that exists, even as an empty folder, is refused.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sentio.errors import CorruptStore, ResourceError, UsageError

__all__ = [
    "SIGNATURE",
    "SUMS",
    "entry_id",
    "publish",
    "read_sums",
    "sha256_file",
    "verify_sums",
    "write_file",
]

SUMS = "SHA256SUMS"
# Beside the list, and the only file that it does not name: a signature of its bytes, where there is one.
SIGNATURE = "SHA256SUMS.sig"
_AGAIN = "delete the folder and make it again"
_RENAME_NOREPLACE = 1
_AT_FDCWD = -100


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_file(path: Path, data: bytes) -> None:
    """Replace one file atomically: a sibling is written and synced, then renamed over it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with _resources(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def publish(destination: Path, sign: Callable[[bytes], bytes] | None = None) -> Iterator[Path]:
    """Yield an empty folder to fill; when the block ends without an error, it becomes `destination`.

    Args:
        destination: the folder's final name; it must not exist.
        sign: gives the signature of the bytes of `SHA256SUMS`, which then stands beside it.

    Raises:
        UsageError: the name exists already; what is there is left as it is.
        ResourceError: the disk is full or the place cannot be written.
        CorruptStore: what was read back is not what was written.
    """
    with _resources(destination):
        destination.parent.mkdir(parents=True, exist_ok=True)
        staging = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}.tmp")
        staging.mkdir()
    try:
        with _resources(destination):
            yield staging
            _seal(staging, sign)
            _rename_first_wins(staging, destination)
            _sync_folder(destination.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def entry_id(folder: Path) -> str:
    """The identity of a published folder: the SHA-256 of its `SHA256SUMS`."""
    _require_sums(folder)
    return sha256_file(folder / SUMS)


def read_sums(folder: Path) -> dict[str, str]:
    """The `SHA256SUMS` of a published folder: the hash of each file by its name; the files are not looked at.

    Raises:
        CorruptStore: it is missing, a link, or holds a line of another form; all are named.
        ResourceError: it cannot be read.
    """
    sums = folder / SUMS
    _require_sums(folder)
    try:
        with _resources(sums):
            *lines, rest = sums.read_bytes().decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise CorruptStore(str(sums), "is not ASCII text", hint=_AGAIN) from None
    listed: dict[str, str] = {}
    problems = [f"{SUMS}: its last line has no end"] if rest else []
    for number, line in enumerate(lines, 1):
        digest, separator, name = line[:64], line[64:66], line[66:]
        if separator != "  " or not name or set(digest) - set("0123456789abcdef"):
            problems.append(f"{SUMS} line {number}: is not 'SHA256  NAME'")
        elif name.startswith("/") or ".." in name.split("/") or name in {*listed, SUMS, SIGNATURE}:
            problems.append(f"{SUMS} line {number}: the name {name!r} is not allowed")
        else:
            listed[name] = digest
    if problems:
        raise CorruptStore(str(folder), "is damaged", problems=problems, hint=_AGAIN)
    return listed


def verify_sums(folder: Path) -> str:
    """Recompute the hash of every file below `folder` and compare with its `SHA256SUMS`.

    Returns:
        The folder's identity, as `entry_id`.

    Raises:
        CorruptStore: a file differs, is missing, is a link, is no file or is not listed; all are named.
            A signature, `SHA256SUMS.sig`, is the one file that need not be; it is not checked here.
    """
    identity = entry_id(folder)
    listed = read_sums(folder)
    problems = []
    present = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    for name, digest in listed.items():
        path = present.get(name)
        if path is None:
            problems.append(f"{name}: is missing")
        elif path.is_symlink():
            problems.append(f"{name}: is a link")
        elif not path.is_file():  # opening a pipe that nobody writes to would wait for ever
            problems.append(f"{name}: is not a file")
        elif sha256_file(path) != digest:
            problems.append(f"{name}: its bytes are not those that were written")
    problems += [f"{name}: is not listed in {SUMS}" for name in sorted(present.keys() - listed.keys())]
    if problems:
        raise CorruptStore(str(folder), "is damaged", problems=problems, hint=_AGAIN)
    return identity


def _require_sums(folder: Path) -> None:
    sums = folder / SUMS
    if sums.is_symlink() or not sums.is_file():
        raise CorruptStore(str(folder), f"holds no {SUMS} of its own", hint=_AGAIN)


def _files(folder: Path) -> list[Path]:
    """All files and links below `folder`, but for `SHA256SUMS` and its signature, in the order of names."""
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    return sorted(path for path in found if path not in (folder / SUMS, folder / SIGNATURE))


def _seal(folder: Path, sign: Callable[[bytes], bytes] | None) -> None:
    """Sync every file, read it again for its hash, and write `SHA256SUMS` and its signature last."""
    lines = []
    for path in _files(folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        lines.append(f"{sha256_file(path)}  {path.relative_to(folder).as_posix()}\n")
    sums = "".join(lines).encode("ascii")
    _write_synced(folder / SUMS, sums)
    if sign is not None:
        _write_synced(folder / SIGNATURE, sign(sums))
    for inner in (path for path in folder.rglob("*") if path.is_dir()):
        _sync_folder(inner)
    _sync_folder(folder)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename_first_wins(source: Path, destination: Path) -> None:
    """Rename, refusing an existing name; plain rename(2) would replace an empty folder."""
    libc = ctypes.CDLL(None, use_errno=True)
    rename = getattr(libc, "renameat2", None)
    if rename is not None:
        names = (_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(destination))
        if rename(*names, _RENAME_NOREPLACE) == 0:
            return
        code = ctypes.get_errno()
        if code == errno.EEXIST:
            raise _exists(destination)
        if code not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(code, os.strerror(code), str(destination))
    # No renameat2 here (macOS, some network file systems): the check and the rename are two steps.
    if os.path.lexists(destination):
        raise _exists(destination)
    source.rename(destination)


def _exists(destination: Path) -> UsageError:
    return UsageError(str(destination), "exists already and is never overwritten", hint="choose another name")


@contextmanager
def _resources(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into errors that name the place."""
    try:
        yield
    except OSError as error:
        raise ResourceError(
            str(error.filename or path),
            (error.strerror or str(error)).lower(),
            hint="check free space and permissions",
        ) from error
