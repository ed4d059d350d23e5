"""The one error tree of Sentio; each class carries the exit code of the command line.

SentioError
├── CheckFailed           1   a check ran and said no (verify, lint)
├── UsageError            2   the command or call was wrong
├── BadInput              3   a document, a file or a row that the user gave is wrong
│   ├── SpecError             a feature spec
│   ├── ConfigError           a training configuration
│   └── BarsError             bars
├── CorruptStore          4   something that Sentio wrote is no longer what it wrote
├── ResourceError         5   disk full, no memory, no permission, a file in the way
└── EnvironmentProblem    6   a missing extension, device or program
    └── MissingExtension
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = [
    "BadInput",
    "BarsError",
    "CheckFailed",
    "ConfigError",
    "CorruptStore",
    "EnvironmentProblem",
    "MissingExtension",
    "ResourceError",
    "SentioError",
    "SpecError",
    "UsageError",
    "did_you_mean",
    "first_line",
    "refusals",
    "refused",
]

# What to do about a refusal of the operating system; of the others its words say all.
_HINTS = {
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path",
    errno.EISDIR: "check the path",
    errno.ENOSPC: "free space there",
    errno.EDQUOT: "free space there",
    errno.EFBIG: "raise the limit of a file's size (ulimit -f)",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENOMEM: "free memory, raise its limit (ulimit -v) or ask for less at once",
}


class SentioError(Exception):
    """An error that the user can act upon.

    Args:
        where: the file, option, row or path in a document that is wrong; "" where there is none.
        found: what was found there and what is allowed, in one line.
        hint: what to do next; "" where there is nothing to add.
        problems: all problems of a document, one line each, when there are several.
    """

    exit_code = 1

    def __init__(self, where: str, found: str, *, hint: str = "", problems: Sequence[str] = ()) -> None:
        self.where = where
        self.found = found
        self.hint = hint
        self.problems = tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.found}" if self.where else self.found
        text += "".join(f"\n  {problem}" for problem in self.problems)
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class CheckFailed(SentioError):
    """A check ran and said no."""

    exit_code = 1


class UsageError(SentioError):
    """The command or the call was wrong: an unknown name, an ambiguous choice, a refused overwrite."""

    exit_code = 2


class BadInput(SentioError):
    """Something that the user gave is wrong."""

    exit_code = 3


class SpecError(BadInput):
    """A feature spec does not parse or does not compile."""


class ConfigError(BadInput):
    """A training configuration does not parse or contradicts itself."""


class BarsError(BadInput):
    """Bars that cannot be read or that break the contract of a bar."""


class CorruptStore(SentioError):
    """Something that Sentio wrote is no longer what it wrote."""

    exit_code = 4


class ResourceError(SentioError):
    """The machine refused: disk full, no memory, no permission, a file in the way."""

    exit_code = 5


class EnvironmentProblem(SentioError):
    """Something that must be installed or present is not."""

    exit_code = 6


class MissingExtension(EnvironmentProblem):
    """The C++ feature engine is not built, or was built for another Python."""


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """A hint that names the allowed word nearest to what was found; "" where none is near."""
    import difflib  # at first use: the command line's help needs none of it

    near = difflib.get_close_matches(found, sorted(allowed), n=1)
    return f"did you mean {near[0]}?" if near else ""


def first_line(error: Exception) -> str:
    """What an exception of another library says, in one line; its class where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def refused(error: OSError | MemoryError, where: str = "") -> ResourceError:
    """What the machine has refused, in its own words.

    Args:
        error: the refusal.
        where: the place, for an error that names none.
    """
    if isinstance(error, MemoryError):
        said = f": {first_line(error)}" if str(error) else ""
        return ResourceError(where, f"there is not enough memory{said}", hint=_HINTS[errno.ENOMEM])
    found = (error.strerror or str(error)).lower()
    return ResourceError(str(error.filename or where), found, hint=_HINTS.get(error.errno or 0, ""))


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into errors that name the place."""
    try:
        yield
    except OSError as error:
        raise refused(error, str(path)) from error
