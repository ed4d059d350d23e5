"""The one door to the compiled engine: loads `sentio_features`, or says how to build it."""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

from sentio.errors import MissingExtension

__all__ = ["load_extension"]


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
