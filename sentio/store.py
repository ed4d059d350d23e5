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
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath

from sentio.errors import CorruptStore, UsageError, refused

__all__ = [
    "SIGNATURE",
    "SUMS",
    "Sums",
    "entry_id",
    "publish",
    "read_sealed",
    "read_sums",
    "sha256_file",
    "verify_sums",
    "write_file",
]

SUMS = "SHA256SUMS"
# Beside the list, and the only file that it does not name: a signature of its bytes, where there is one.
SIGNATURE = "SHA256SUMS.sig"
# They are in memory before any hash is known.
_MOST_LIST_BYTES = 1 << 20
_AGAIN = "delete the folder and make it again"
# Nothing says that the folder is one of ours: it may be a user's, named by mistake.
_OTHER = "check the path; where it is right, the folder was not written whole"
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


@dataclass(frozen=True, slots=True)
class Sums:
    """A folder's `SHA256SUMS`, read once: identity and listing are of the same bytes.

    Attributes:
        content: those bytes.
        hashes: the SHA-256 of each file by its name.
    """

    content: bytes
    hashes: dict[str, str]

    @property
    def id(self) -> str:
        """The folder's identity: the SHA-256 of the bytes."""
        return hashlib.sha256(self.content).hexdigest()


def entry_id(folder: Path) -> str:
    """The identity of a published folder: the SHA-256 of its `SHA256SUMS`."""
    return read_sums(folder).id


def read_sums(folder: Path) -> Sums:
    """The `SHA256SUMS` of a published folder; the files are not looked at.

    Raises:
        CorruptStore: it is missing, a link, or holds a line of another form; all are named.
        ResourceError: it cannot be read.
    """
    with _resources(folder), _folder(folder) as root:
        return _read_sums(root, folder)


def verify_sums(folder: Path) -> str:
    """Recompute the hash of every file below `folder` and compare with its `SHA256SUMS`.

    Returns:
        The folder's identity, as `entry_id`.

    Raises:
        CorruptStore: a file differs, is missing, is a link, is no file or is not listed; all are named.
            A signature, `SHA256SUMS.sig`, is the one file that need not be; it is not checked here.
        ResourceError: a file cannot be read.
    """
    return read_sealed(folder, lambda _, stream: hashlib.file_digest(stream, "sha256").hexdigest()).id


def read_sealed(
    folder: Path, read: Callable[[str, BufferedReader], str], most_bytes: int | None = None
) -> Sums:
    """Read every file below `folder` once, and compare with its `SHA256SUMS`, as `verify_sums` does.

    Everything is opened relative to one open folder and never through a link: a folder that is replaced
    meanwhile is read whole, the old one or the new one, and a file that is overwritten fails its hash. What
    is not listed is looked at by its name alone.

    Args:
        folder: a published folder.
        read: takes the name and the stream of each listed file, and of the signature where there is one;
            gives the SHA-256 of what it read.
        most_bytes: a file of more is not read, and told; None: of any size.
    """
    with _resources(folder), _folder(folder) as root:
        sums = _read_sums(root, folder)
        missing, problems = dict(sums.hashes), []
        for name, stream in _streams(root, folder, sums):
            digest = missing.pop(name, None)
            if name == SUMS:  # read already
                continue
            if digest is None and name != SIGNATURE:
                problems.append(f"{name}: is not listed in {SUMS}")
            elif stream is None:
                problems.append(f"{name}: is a link or not a file")
            elif too_large := _too_large(stream, _MOST_LIST_BYTES if name == SIGNATURE else most_bytes):
                problems.append(f"{name}: {too_large}")
            elif read(name, stream) != digest and name != SIGNATURE:
                problems.append(f"{name}: its bytes are not those that were written")
    problems += [f"{name}: is missing" for name in missing]
    if problems:
        raise CorruptStore(str(folder), "is damaged", problems=sorted(problems), hint=_AGAIN)
    return sums


def _read_sums(root: int, folder: Path) -> Sums:
    sums = folder / SUMS
    with _opened(sums, root) as stream:
        if not isinstance(stream, BufferedReader):
            raise CorruptStore(str(folder), f"holds no {SUMS} of its own", hint=_OTHER)
        if too_large := _too_large(stream, _MOST_LIST_BYTES):
            raise CorruptStore(str(sums), too_large, hint=_AGAIN)
        content = stream.read()
    try:
        *lines, rest = content.decode("ascii").split("\n")
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
    return Sums(content, listed)


def _too_large(stream: BufferedReader, most: int | None) -> str:
    """What is wrong with a file's size; "" where nothing is."""
    if most is None or os.fstat(stream.fileno()).st_size <= most:
        return ""
    return f"holds more than {most >> 20} MiB"


@contextmanager
def _folder(folder: Path) -> Iterator[int]:
    """Open a folder: whatever is opened by this descriptor is in it, wherever its name leads by then."""
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        raise CorruptStore(str(folder), f"holds no {SUMS} of its own", hint=_OTHER) from None
    try:
        yield root
    finally:
        os.close(root)


def _streams(
    root: int, folder: Path, sums: Sums, above: str = ""
) -> Iterator[tuple[str, BufferedReader | None]]:
    """Open what `SHA256SUMS` lists, and its signature, in the order of names; None for all else there is."""
    files = {*sums.hashes, SIGNATURE}
    folders = {parent.as_posix() for name in sums.hashes for parent in PurePosixPath(name).parents}
    for entry in sorted(os.listdir(root)):
        name = f"{above}{entry}"
        if name not in files | folders:
            yield name, None
            continue
        with _opened(folder / name, root) as opened:
            if isinstance(opened, int) and name in folders:
                yield from _streams(opened, folder, sums, f"{name}/")
            else:
                yield name, None if isinstance(opened, int) else opened


@contextmanager
def _opened(path: Path, folder: int) -> Iterator[BufferedReader | int | None]:
    """Open `path.name` in an open folder: a file's stream, a folder's descriptor, None for all else."""
    descriptor = _open(path, folder)
    if descriptor is None:
        yield None
        return
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            with open(descriptor, "rb", closefd=False) as stream:
                yield stream
        else:
            yield descriptor if stat.S_ISDIR(mode) else None
    finally:
        os.close(descriptor)


def _open(path: Path, folder: int) -> int | None:
    try:
        # Not blocking: opening a pipe that nobody writes to would wait for ever.
        return os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):  # missing, a link, a socket
            return None
        raise OSError(error.errno, error.strerror, str(path)) from None


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


@contextmanager
def _resources(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into errors that name the place."""
    try:
        yield
    except OSError as error:
        raise refused(error, str(path)) from error
