"""Reading an immutable folder: each file once, under the hash that its SHA256SUMS lists."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath

from sentio.errors import CorruptStore, refusals

__all__ = [
    "SIGNATURE",
    "SUMS",
    "SealedFolder",
    "Sums",
    "entry_id",
    "open_sealed",
    "read_sums",
    "verify_sums",
]

SUMS = "SHA256SUMS"
# Beside the list, and the only file that it does not name: a signature of its bytes, where there is one.
SIGNATURE = "SHA256SUMS.sig"
# They are in memory before any hash is known.
_MOST_LIST_BYTES = 1 << 20
_AGAIN = "delete the folder and make it again"
# Nothing says that the folder is one of ours: it may be a user's, named by mistake.
_OTHER = "check the path; where it is right, the folder was not written whole"


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
    with open_sealed(folder) as sealed:
        return sealed.listing()


def verify_sums(folder: Path) -> str:
    """Recompute the hash of every file below `folder` and compare with its `SHA256SUMS`.

    Returns:
        The folder's identity, as `entry_id`.

    Raises:
        CorruptStore: a file differs, is missing, is a link, is no file or is not listed; all are named.
            A signature, `SHA256SUMS.sig`, is the one file that need not be; it is not checked here.
        ResourceError: a file cannot be read.
    """
    with open_sealed(folder) as sealed:
        sealed.read(lambda _, stream: hashlib.file_digest(stream, "sha256").hexdigest())
        return sealed.id


@dataclass(frozen=True, slots=True)
class SealedFolder:
    """A published folder that is held open: `SHA256SUMS` and its signature are read, no other file yet.

    Everything is opened relative to the one open folder and never through a link: a folder that is replaced
    meanwhile is read whole, the old one or the new one, and a file that is overwritten fails its hash.

    Attributes:
        path: where it is.
        sums: the bytes of `SHA256SUMS`, of which identity, listing and signature are.
        signature: the bytes of `SHA256SUMS.sig`, unchecked; None where there is none.
    """

    path: Path
    sums: bytes
    signature: bytes | None
    _root: int

    @property
    def id(self) -> str:
        """The folder's identity: the SHA-256 of `sums`."""
        return hashlib.sha256(self.sums).hexdigest()

    def listing(self) -> Sums:
        """What `sums` lists.

        Raises:
            CorruptStore: a line has another form; all are named.
        """
        return _parse_sums(self.sums, self.path)

    def read(
        self,
        read: Callable[[str, BufferedReader], str],
        *,
        allowed: Collection[str] | None = None,
        most_bytes: int | None = None,
    ) -> None:
        """Read every file once, and compare with `SHA256SUMS`, as `verify_sums` does.

        What is not listed is looked at by its name alone.

        Args:
            read: takes the name and the stream of each listed file; gives the SHA-256 of what it read.
            allowed: where another name is listed, nothing is read; None: any name.
            most_bytes: of all files together; those beyond are not read, and told; None: any number.

        Raises:
            CorruptStore: as `verify_sums`, or for a name or a size that is not allowed.
            ResourceError: a file cannot be read.
        """
        sums = self.listing()
        unknown = [] if allowed is None else [name for name in sums.hashes if name not in allowed]
        if unknown:
            self._refuse([f"{name}: is no file of a folder of this kind and format" for name in unknown])
        missing, problems = dict(sums.hashes), []
        taken = 0
        with refusals(self.path):
            for name, stream in _streams(self._root, self.path, sums):
                digest = missing.pop(name, None)
                if digest is None:
                    problems.append(f"{name}: is not listed in {SUMS}")
                elif stream is None:
                    problems.append(f"{name}: is a link or not a file")
                elif most_bytes is not None and (taken := taken + _size(stream)) > most_bytes:
                    problems.append(f"{name}: with it the files hold more than {_mebibytes(most_bytes)}")
                elif read(name, stream) != digest:
                    problems.append(f"{name}: its bytes are not those that were written")
        self._refuse([*problems, *(f"{name}: is missing" for name in missing)])

    def _refuse(self, problems: list[str]) -> None:
        if problems:
            raise CorruptStore(str(self.path), "is damaged", problems=sorted(problems), hint=_AGAIN)


@contextmanager
def open_sealed(folder: Path) -> Iterator[SealedFolder]:
    """Open a published folder and read its `SHA256SUMS` and signature, so that these can be checked first.

    Raises:
        CorruptStore: the list is missing, or one of the two is a link, no file or too large.
        ResourceError: one cannot be read.
    """
    with refusals(folder), _folder(folder) as root:
        sums = _read_short(root, folder / SUMS)
        if sums is None:
            raise CorruptStore(str(folder), f"holds no {SUMS} of its own", hint=_OTHER)
        signature = _read_short(root, folder / SIGNATURE)
        yield SealedFolder(folder, sums, signature, root)


def _read_short(root: int, path: Path) -> bytes | None:
    """The bytes of a file whose hash nobody knows; None where nothing has its name."""
    with _opened(path, root) as stream:
        if isinstance(stream, BufferedReader):
            content = stream.read(_MOST_LIST_BYTES + 1)
            if len(content) <= _MOST_LIST_BYTES:
                return content
            found = f"{path.name}: holds more than {_mebibytes(_MOST_LIST_BYTES)}"
        elif stream is None and path.name not in os.listdir(root):
            return None
        else:
            found = f"{path.name}: is a link or not a file"
    raise CorruptStore(str(path.parent), "is damaged", problems=[found], hint=_AGAIN)


def _parse_sums(content: bytes, folder: Path) -> Sums:
    sums = folder / SUMS
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


def _size(stream: BufferedReader) -> int:
    return os.fstat(stream.fileno()).st_size


def _mebibytes(count: int) -> str:
    return f"{count >> 20} MiB"


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
    """Open what `SHA256SUMS` lists, in the order of names; None for all else, but the two read before."""
    files = sums.hashes.keys()
    folders = {parent.as_posix() for name in sums.hashes for parent in PurePosixPath(name).parents}
    for entry in sorted(os.listdir(root)):
        name = f"{above}{entry}"
        if name in (SUMS, SIGNATURE):
            continue
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
