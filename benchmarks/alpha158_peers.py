"""Alpha158 by pandas and by KunQuant: columns by their name in the formulas."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentio.bars import Bars

__all__ = ["WINDOWS", "KunQuant", "by_pandas"]

WINDOWS = (5, 10, 20, 30, 60)
_EPSILON = 1e-12


def by_pandas(bars: Bars) -> dict[str, NDArray[np.float64]]:
    """The 158 columns by pandas' rolling windows, each statistic that several columns need computed once."""
    import pandas as pd

    frame = pd.DataFrame({name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")})
    o, h, l, c, v = (frame[name] for name in frame)  # noqa: E741, as the formulas call them
    out: dict[str, Any] = {}
    top, bottom, reach = np.maximum(o, c), np.minimum(o, c), h - l + _EPSILON
    out |= {"KMID": (c - o) / o, "KLEN": (h - l) / o, "KMID2": (c - o) / reach}
    out |= {"KUP": (h - top) / o, "KUP2": (h - top) / reach, "KLOW": (bottom - l) / o}
    out |= {"KLOW2": (bottom - l) / reach, "KSFT": (2 * c - h - l) / o, "KSFT2": (2 * c - h - l) / reach}
    out |= {"OPEN0": o / c, "HIGH0": h / c, "LOW0": l / c, "VWAP0": (h + l + c) / 3 / c}
    steps, v_steps = c.diff(), v.diff()
    ratio, log_v = c / c.shift(1), np.log(v + 1)
    log_v_ratio = np.log(v / v.shift(1) + 1)
    moved = (ratio - 1).abs() * v
    time = pd.Series(np.arange(len(c), dtype=float))
    for w in WINDOWS:
        rolling = c.rolling(w)
        deviation = rolling.std()
        correlation = rolling.corr(time)
        slope = correlation * deviation / np.sqrt(w * (w + 1) / 12)  # the deviation of 1..w
        mean, highest, lowest = rolling.mean(), h.rolling(w).max(), l.rolling(w).min()
        at_high = h.rolling(w).apply(np.argmax, raw=True) + 1
        at_low = l.rolling(w).apply(np.argmin, raw=True) + 1
        columns = {
            "ROC": c.shift(w) / c,
            "MA": mean / c,
            "STD": deviation / c,
            "BETA": slope / c,
            "RSQR": correlation**2,
            "RESI": (c - mean - slope * (w - 1) / 2) / c,
            "MAX": highest / c,
            "MIN": lowest / c,
            "QTLU": rolling.quantile(0.8) / c,
            "QTLD": rolling.quantile(0.2) / c,
            "RANK": rolling.rank(pct=True),
            "RSV": (c - lowest) / (highest - lowest + _EPSILON),
            "IMAX": at_high / w,
            "IMIN": at_low / w,
            "IMXD": (at_high - at_low) / w,
            "CORR": rolling.corr(log_v),
            "CORD": ratio.rolling(w).corr(log_v_ratio),
            "VMA": v.rolling(w).mean() / (v + _EPSILON),
            "VSTD": v.rolling(w).std() / (v + _EPSILON),
            "WVMA": moved.rolling(w).std() / (moved.rolling(w).mean() + _EPSILON),
        }
        known = steps.where(steps.isna(), 1.0)  # a share of no bars stays unknown
        rises, falls = ((steps > 0) * known).rolling(w).mean(), ((steps < 0) * known).rolling(w).mean()
        columns |= {"CNTP": rises, "CNTN": falls, "CNTD": rises - falls}
        for prefix, change in (("SUM", steps), ("VSUM", v_steps)):
            up, down = change.clip(lower=0).rolling(w).sum(), (-change).clip(lower=0).rolling(w).sum()
            all_of_it = change.abs().rolling(w).sum() + _EPSILON
            columns |= {
                f"{prefix}P": up / all_of_it,
                f"{prefix}N": down / all_of_it,
                f"{prefix}D": (up - down) / all_of_it,
            }
        out |= {f"{name}{w}": column for name, column in columns.items()}
    return {name: column.to_numpy() for name, column in out.items()}


class KunQuant:
    """Alpha158 compiled by KunQuant, without its fast statistics, for all symbols at once on one thread.

    Args:
        dtype: "float" or "double".
        folder: where it compiles; what is there already is used again.
        symbols: bars of equal length.
        names: the columns to compute.
    """

    def __init__(self, dtype: str, folder: Path, symbols: Mapping[str, Bars], names: list[str]) -> None:
        from KunQuant.runner import KunRunner

        self._dtype = np.float32 if dtype == "float" else np.float64
        self._runner = KunRunner
        self._library = _kunquant_library(dtype, folder, names)
        self._module = self._library.getModule("alpha158")
        self._executor = KunRunner.createSingleThreadExecutor()
        bars = list(symbols.values())
        self._rows = len(bars[0])

        def table(column: Callable[[Bars], NDArray[np.float64]]) -> NDArray[Any]:
            return np.ascontiguousarray(np.stack([column(each) for each in bars], 1), self._dtype)

        self._inputs = {
            name: table(lambda each, name=name: getattr(each, name))
            for name in ("open", "high", "low", "close", "volume")
        }
        # Its VWAP is the amount over the volume and a millionth.
        self._inputs["amount"] = table(
            lambda each: (each.high + each.low + each.close) / 3 * (each.volume + 1e-6)
        )
        names = self._module.getOutputNames()
        self._out = {name: np.empty((self._rows, len(bars)), self._dtype) for name in names}

    def __call__(self) -> dict[str, NDArray[Any]]:
        """Each column as [rows, symbols], in memory that is used again."""
        self._runner.runGraph(self._executor, self._module, self._inputs, 0, self._rows, self._out)
        return self._out


def _kunquant_library(dtype: str, folder: Path, names: list[str]) -> Any:
    from KunQuant.Driver import KunCompilerConfig
    from KunQuant.jit import cfake
    from KunQuant.Op import Builder, Input, Output
    from KunQuant.predefined.Alpha158 import AllData
    from KunQuant.runner import KunRunner
    from KunQuant.Stage import Function

    asked = f"{version('KunQuant')} {sorted(names)}"
    name = f"alpha158_{dtype}_{hashlib.sha256(asked.encode()).hexdigest()[:12]}"
    there = folder / name / f"{name}.so"
    if there.exists():  # compiling takes a minute
        return KunRunner.Library.load(str(there))
    builder = Builder()
    with builder:
        data = AllData(**{name: Input(name) for name in ("open", "close", "high", "low", "volume", "amount")})
        prices = [(name.upper(), getattr(data, name)) for name in ("open", "high", "low", "vwap")]
        wanted = {"kbar": {}, "price": {"windows": [0], "feature": prices}, "rolling": {}}
        for column, column_name in zip(*data.build(wanted), strict=True):
            if column_name in names:
                Output(column, column_name)
    config = KunCompilerConfig(
        dtype=dtype, input_layout="TS", output_layout="TS", options={"no_fast_stat": True}
    )
    functions = [("alpha158", Function(builder.ops), config)]
    folder.mkdir(parents=True, exist_ok=True)
    return cfake.compileit(functions, name, cfake.CppCompilerConfig(), tempdir=str(folder), keep_files=True)
