"""The one door to the compiled engine: loads it or says how to build it, and translates its errors."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType

from sentio.errors import (
    BarsError,
    CorruptStore,
    EnvironmentProblem,
    MissingExtension,
    SentioError,
    SpecError,
    UsageError,
)

__all__ = ["engine_errors", "load_extension", "translated"]

# By the words of the engine's error codes (src/error.cpp).
_CLASSES: dict[str, type[SentioError]] = {
    "bad argument": UsageError,
    "bad spec": SpecError,
    "bad bars": BarsError,
    "bad state": CorruptStore,
    "bad bundle": CorruptStore,
    "corrupt": CorruptStore,
    "missing": UsageError,
    "unsupported": EnvironmentProblem,
}


@cache
def load_extension() -> ModuleType:
    """Return the compiled module `sentio_features`.

    Raises:
        MissingExtension: it is not built, or it does not load.
    """
    try:
        return importlib.import_module("sentio_features")
    except ModuleNotFoundError as error:
        if error.name != "sentio_features":
            raise
        raise MissingExtension(
            "sentio_features", "the C++ feature engine is not built", hint="run: make native"
        ) from None
    except ImportError as error:
        raise MissingExtension(
            "sentio_features", f"does not load: {error}", hint="build it again: make native"
        ) from None


@contextmanager
def engine_errors(where: str) -> Iterator[None]:
    """Raise the engine's errors as the classes of `sentio.errors`.

    Args:
        where: the file or thing that the engine is working on.
    """
    try:
        yield
    except load_extension().EngineError as error:
        raise translated(error, where) from None


def translated(error: Exception, where: str) -> SentioError:
    """An `EngineError` as the class of `sentio.errors` that its code names.

    Args:
        error: what the extension has raised.
        where: the file or thing that the engine was working on.
    """
    found, code, problems = error.args
    return _CLASSES[code](where, found, problems=[f"{path}: {message}" for path, message in problems])
