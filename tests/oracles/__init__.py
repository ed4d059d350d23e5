"""Every op once more, written from its definition, knowing nothing of the engine: `ORACLES`, by op.

An oracle gets the bars' columns by name (`ts` int64 nanoseconds, the others float64 [N]), the list of the
op's sources, and its parameters by name; it returns float64 [N]. Rows before the op's warm-up are NaN or
anything at all: the tests do not look at them. A source may begin with NaN rows, where it is not warm yet.

Each module here but `definitions` holds the oracles of a family of ops as its own `ORACLES`.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from oracles.definitions import Oracle

__all__ = ["ORACLES"]

ORACLES: dict[str, Oracle] = {}
for _module in pkgutil.iter_modules(__path__):
    _family = getattr(import_module(f"oracles.{_module.name}"), "ORACLES", {})
    assert not ORACLES.keys() & _family.keys(), f"an op with two oracles: {ORACLES.keys() & _family.keys()}"
    ORACLES |= _family
