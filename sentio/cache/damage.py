"""How a cache entry that is not what was written is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sentio.errors import CorruptStore, refused

__all__ = ["CHANGED", "damaged", "reading"]

CHANGED = "is damaged: its bytes are not those that were written"


def damaged(where: Path, found: str, problems: Sequence[str] = ()) -> CorruptStore:
    """The error for a file or an entry, with what to do about it."""
    hint = "delete the entry's folder and build the features again"
    return CorruptStore(str(where), found, problems=problems, hint=hint)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to read a file of an entry into errors that name it."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise damaged(path, "is missing") from None
    except OSError as error:
        raise refused(error, str(path)) from error
