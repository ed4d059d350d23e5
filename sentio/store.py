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

from sentio.errors import UsageError, refusals
from sentio.sealed_folder import SIGNATURE, SUMS

__all__ = ["publish", "sha256_file", "write_file"]

_RENAME_NOREPLACE = 1
_AT_FDCWD = -100


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_file(path: Path, data: bytes) -> None:
    """Replace one file atomically: a sibling is written and synced, then renamed over it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with refusals(path):
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
    with refusals(destination):
        destination.parent.mkdir(parents=True, exist_ok=True)
        staging = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}.tmp")
        staging.mkdir()
    try:
        with refusals(destination):
            yield staging
            _seal(staging, sign)
            _rename_first_wins(staging, destination)
            _sync_folder(destination.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _seal(folder: Path, sign: Callable[[bytes], bytes] | None) -> None:
    """Sync every file, read it again for its hash, and write `SHA256SUMS` and its signature last."""
    lines = []
    for path in sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()):
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
