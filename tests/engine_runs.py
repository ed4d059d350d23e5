"""Specs and runs for the tests of the C++ engine, straight through its extension."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hostile_bars import NAMES, Columns
from numpy.typing import NDArray

from sentio.errors import BarsError
from sentio.extension import load_extension

Params = Mapping[str, float]

extension = load_extension()
SOURCES = ("source", "source2")  # as the catalog's scales name an op's own
# Where an op has no default for a series, it is given volumes.
CATALOG: dict[str, dict[str, Any]] = {
    op["name"]: op | {"sources": [source or "volume" for source in op["sources"]]}
    for op in extension.catalog()
}
MUST_CHOOSE = {op["name"] for op in extension.catalog() if "" in op["sources"]}
EARLY = {"alignment_policy": {"emit_from_index": 0, "allow_early_emit": True}}


def compile_spec(*features: Mapping[str, Any], dtype: str = "float64", **rest: Any) -> Any:
    """The plan of the features, double unless told otherwise."""
    spec = {"schema_version": "1.0", "dtype": dtype, "features": list(features), **rest}
    return extension.compile(json.dumps(spec))


def feature(op: str, params: Params | None = None, name: str = "value", **rest: Any) -> dict[str, Any]:
    given = {"source": CATALOG[op]["sources"]} if op in MUST_CHOOSE else {}
    return {"name": name, "op": op, **given, **(params or {}), **rest}


def compute(engine: Any, plan: Any, bars: Columns, rows: slice = slice(None)) -> NDArray:
    """Go on with those rows of the bars: [N, F] of the plan's dtype."""
    columns = [bars[name][rows] for name in NAMES]
    out = np.empty((len(columns[0]), len(plan.features)), plan.dtype)
    engine.compute(*columns, out)
    return out


def run(plan: Any, bars: Columns) -> NDArray:
    """All bars at once, from the start."""
    return compute(extension.Engine(plan), plan, bars)


def stepper(engine: Any, plan: Any) -> Callable[..., NDArray]:
    """What goes on with one bar, its time and its five numbers, and returns always the same memory: [F]."""
    return engine.stepper(np.empty(len(plan.features), plan.dtype), lambda ts, why: BarsError(str(ts), why))


def step(engine: Any, plan: Any, bars: Columns, row: int) -> NDArray:
    """Go on with one bar: [F]."""
    return stepper(engine, plan)(*(bars[name][row].item() for name in NAMES))


def just_beyond(param: Mapping[str, Any]) -> tuple[float, float]:
    """The values next to a parameter's bounds that are no longer allowed."""
    if param["type"] == "integer":
        return param["min"] - 1, param["max"] + 1
    return math.nextafter(param["min"], -math.inf), math.nextafter(param["max"], math.inf)


def usual_parameters(op: Mapping[str, Any]) -> list[dict[str, float]]:
    """The op's defaults, odd values that divide no block, and other choices of averages; from the catalog."""
    params = [p for p in op["params"] if not p["choices"]]
    chosen = {p["name"]: p["default"] for p in op["params"] if p["choices"]}
    if not op["params"]:
        return [{}]
    defaults = {p["name"]: p["default"] for p in params if p["default"] is not None}
    whole = [p for p in params if p["type"] == "integer"]
    odd = dict(zip([p["name"] for p in whole], [37] if len(whole) == 1 else [7, 37, 5, 11], strict=False))
    odd |= {p["name"]: 1.5 * (p["default"] or 1) for p in params if p["type"] == "number"}
    odd = {p["name"]: min(max(odd[p["name"]], p["min"]), p["max"]) for p in params}
    sets = [values | chosen for values in (defaults, odd) if len(values) == len(params)]
    return sets + [odd | choices for choices in other_choices(op)]


def other_choices(op: Mapping[str, Any]) -> list[dict[str, float]]:
    """Every allowed choice where the op is nothing but one, else three of them for each parameter."""
    numbered = {
        p["name"]: [choice["value"] for choice in p["choices"] if not choice["refused"]]
        for p in op["params"]
        if p["choices"]
    }
    # Several parameters meet different ones.
    turned = [values[2 * k :] + values[: 2 * k] for k, values in enumerate(numbered.values())]
    sets = [dict(zip(numbered, values, strict=True)) for values in zip(*turned, strict=True)]
    return sets if len(op["params"]) == 2 else sets[2::4]


def parameter_sets(op: Mapping[str, Any]) -> list[dict[str, float]]:
    """The usual ones, and the smallest that the catalog allows."""
    smallest = {p["name"]: p["min"] for p in op["params"]}
    return [*usual_parameters(op), smallest] if smallest else [{}]


def by_size(formula: str, sizes: Mapping[str, Any]) -> Any:
    """A scale or a unit of the catalog, such as "source^2" or "close * volume", from each series' size."""
    return eval(formula.replace("^", "**"), {"__builtins__": {}}, dict(sizes))


def plan_of_op(op: Mapping[str, Any], dtype: str = "float64") -> Any:
    """The op under each of its parameter sets, from the first row on."""
    features = [feature(op["name"], p, name=f"f{k}") for k, p in enumerate(parameter_sets(op))]
    return compile_spec(*features, dtype=dtype, **EARLY)


def restored(plan: Any, state: bytes) -> Any:
    """A new engine that goes on from the state."""
    engine = extension.Engine(plan)
    engine.restore(state)
    return engine


def warmup_formula(op: Mapping[str, Any], params: Params) -> int:
    """The catalog's formula, evaluated."""
    functions = {"max": max, "min": min, "isqrt": math.isqrt}
    formulas = {choice["value"]: choice["warmup"] for param in op["params"] for choice in param["choices"]}

    def average_warmup(window: int, kind: int) -> int:
        return eval(formulas[kind], {"__builtins__": functions}, {"window": window})

    known = {**functions, "average_warmup": average_warmup}
    return int(eval(op["warmup"], {"__builtins__": known}, dict(params)))


def source_values(sources: list[str], bars: Columns) -> list[NDArray]:
    """The sources as the engine makes them: an op is judged by its own arithmetic, not by its input's."""
    if not sources:
        return []
    plan = compile_spec(*(feature("IDENT", name=f"s{k}", source=s) for k, s in enumerate(sources)), **EARLY)
    return list(run(plan, bars).T)


def running_max(x: NDArray, window: int | None) -> NDArray:
    """The largest magnitude of the last `window` rows, of all rows so far where it is None."""
    magnitudes = np.abs(np.nan_to_num(x))
    if window is None or window >= len(x):
        return np.maximum.accumulate(magnitudes)
    padded = np.concatenate([np.zeros(window - 1), magnitudes])
    return np.lib.stride_tricks.sliding_window_view(padded, window).max(axis=1)


def error_scale(op: dict, bars: Columns, sources: list[NDArray], warmup: int) -> NDArray | float:
    """What an error is compared with, by the catalog's word: a number, or the size of a series."""
    window = warmup + 1 if op["memory"] == "window" else None
    series = {name: bars[name] for name in NAMES[1:]} | dict(zip(SOURCES, sources, strict=False))
    scale = by_size(op["scale"], {name: running_max(values, window) for name, values in series.items()})
    return scale if isinstance(scale, np.ndarray) else float(scale)
