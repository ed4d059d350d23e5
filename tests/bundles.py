"""Small bundles for the tests: what they are made of, and ways to spoil them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sentio.bars import Bars
from sentio.bundle.gate import Metrics
from sentio.bundle.manifest import Chain, Span, Spans
from sentio.export import Source, write_bundle
from sentio.features import FeatureEngine
from sentio.models import MLP, ScaledModel, Transformer, as_probability
from sentio.specs import FeatureSpec

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = 60 * 10**9
CLASSES = ("down", "flat", "up")

needs_onnx = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="needs the extra sentio[onnx]",
)

METRICS = Metrics(
    rows=100,
    scores={"model": {"auc": 0.53}, "majority": {"auc": 0.5}, "logistic": {"auc": 0.51}},
    auc_standard_error=0.01,
)

TINY_SPEC = {
    "schema_version": "1.0",
    "features": [
        {"name": "ret_1", "op": "LOGRET", "window": 1},
        {"name": "ema_5", "op": "EMA", "source": "close", "window": 5},
        {"name": "rsi_7", "op": "RSI", "source": "close", "window": 7},
        {"name": "mom_9", "op": "MOMENTUM", "source": "close", "window": 9},
    ],
    "alignment_policy": {"emit_from_index": "auto", "pad_value": None},
}


def walk(sessions: int = 12, each: int = 60, seed: int = 3, first: int = 0) -> Bars:
    """Simulated five-minute bars of sessions a day apart: a random walk with honest highs and lows."""
    draws = np.random.default_rng(seed)
    count = sessions * each
    days = (first + np.arange(sessions, dtype=np.int64)) * 24 * 60 * MINUTE
    ts = (1_700_000_000 * 10**9 + days[:, None] + np.arange(each) * 5 * MINUTE).ravel()
    close = 100 * np.exp(np.cumsum(draws.normal(0, 1e-3, count)))
    open_ = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(open_, close) * (1 + draws.uniform(0, 1e-3, count))
    low = np.minimum(open_, close) * (1 - draws.uniform(0, 1e-3, count))
    volume = draws.uniform(1e3, 1e4, count)
    return Bars("QQQ", "5m", ts, open_, high, low, close, volume, simulated=True, adjustment="raw")


def stale(bars: Bars) -> Bars:
    """The same bars, but that the price rests, with one tick, from a few golden ones on until bar 470."""
    rest = slice(243, 470)
    prices = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close")}
    for values in prices.values():
        values[rest] = bars.close[242] + 0.01
    return replace(bars, **prices)


def make_module(spec: FeatureSpec, bars: Bars, seq_len: int, n_outputs: int = 1) -> ScaledModel:
    """A network with random weights over a fitted scaler: an MLP for one bar, a transformer for several."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        width = spec.n_features
        core = (
            MLP(width, [16, 16], 0.1, n_outputs)
            if seq_len == 1
            else Transformer(
                width,
                seq_len,
                d_model=16,
                heads=2,
                layers=2,
                feed_forward=32,
                dropout=0.1,
                outputs=n_outputs,
            )
        )
    module = ScaledModel(core, width, seq_len, n_outputs)
    features = FeatureEngine(spec).compute(bars).astype(np.float32)
    module.scaler.fit(features, np.arange(spec.first_valid_row, len(bars)))
    return module.eval().requires_grad_(False)


def make_source(seq_len: int = 1, **changes: Any) -> Source:
    """What a tiny bundle is made of; the last 40% of the bars are the test span.

    With `output="probability"` or `"classes"` the module that is made gives these, unless one is given.
    """
    output = changes.get("output", "logit")
    classes = CLASSES if output == "classes" else ()
    spec = FeatureSpec.from_document(changes.pop("document", TINY_SPEC), name="tiny")
    bars = changes.pop("bars", None) or walk()
    engine = FeatureEngine(spec)
    features = engine.compute(bars).astype(np.float32)
    first_test = round(len(bars) * 0.6)
    span = Span(rows=10, first_ts=int(bars.ts[0]), last_ts=int(bars.ts[20]))
    test = Span(rows=100, first_ts=int(bars.ts[first_test]), last_ts=int(bars.ts[-2]))
    module = make_module(spec, bars, seq_len, max(1, len(classes)))
    if output == "probability":
        module = as_probability(module)
    label = {"kind": "move" if classes else "direction", "horizon": 1, "min_move_bp": 5.0 if classes else 0.0}
    parts: dict[str, Any] = {
        "module": module,
        "spec": spec,
        "bars": bars,
        "engine_state": engine.state(),
        "features": features,
        "train": (0, first_test - 100),
        "test": (first_test, len(bars) - 2),
        "windows_cross_sessions": True,
        "output": output,
        "classes": classes,
        "label": label,
        "spans": Spans(train=span, validation=span, test=test),
        "metrics": METRICS,
        "chain": Chain(
            bars_hash=bars.hash,
            cache_key="a" * 64,
            cache_id="b" * 64,
            spec_hash=spec.hash,
            run="20260131T120000Z-tfa-abcdef",
            git_commit=None,
        ),
    }
    return Source(**parts | changes)


def make_bundle(folder: Path, source: Source | None = None, version: str = "v1", **options: Any) -> Path:
    """Write a tiny bundle below `folder`."""
    destination = folder / "TFA" / version
    write_bundle(destination, source or make_source(), created_at=NOON, created_by="user@host", **options)
    return destination


def reseal(bundle: Path) -> Path:
    """Write SHA256SUMS anew, so that a bundle which was changed is whole again to the eye."""
    names = sorted(
        path.relative_to(bundle).as_posix()
        for path in bundle.rglob("*")
        if path.is_file() and path.name not in ("SHA256SUMS", "SHA256SUMS.sig")
    )
    lines = [f"{hashlib.sha256((bundle / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (bundle / "SHA256SUMS").write_text("".join(lines))
    return bundle


def change_json(bundle: Path, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a JSON document of a bundle and seal it again."""
    document = json.loads((bundle / name).read_text())
    change(document)
    (bundle / name).write_text(json.dumps(document))
    reseal(bundle)


def change_array(bundle: Path, name: str, change: Callable[[np.ndarray], np.ndarray | None]) -> None:
    """Change a golden array, in place or by returning another, and seal the bundle again."""
    path = bundle / "golden" / f"{name}.npy"
    array = np.load(path)
    changed = change(array)
    np.save(path, array if changed is None else changed)
    reseal(bundle)


@dataclass(frozen=True)
class Planted:
    """A document and a value to put at a path in it."""

    path: tuple[str | int, ...]
    value: object

    def __call__(self, document: Mapping[str, Any]) -> None:
        place: Any = document
        for step in self.path[:-1]:
            place = place[step]
        place[self.path[-1]] = self.value
