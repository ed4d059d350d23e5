"""What a forward costs at batch 1 on one thread: each backend in C++ over the eager module in Python.

python -m benchmarks.backends --program build/bench/sentio_backend_bench

Two models on random weights: the MLP 55-128-128-1, and the transformer of the trainer's defaults over 32
bars. Rounds alternate between Python and C++, so that both see the same machine; a figure is the median of
all calls of all rounds, after the goldens have warmed the model.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from benchmarks.work import bars_for
from sentio.bundle.gate import Metrics
from sentio.bundle.manifest import Chain, Span, Spans
from sentio.export import Source, write_bundle
from sentio.features import FeatureEngine
from sentio.models import MLP, ScaledModel, Transformer
from sentio.specs import FeatureSpec

__all__ = ["main", "measure"]

BARS = 6000
ROUNDS = 5
Times = Mapping[str, np.ndarray]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table for each model."""
    parser = argparse.ArgumentParser(description="Backends at batch 1, one thread, over Python eager.")
    parser.add_argument("--program", type=Path, required=True, help="sentio_backend_bench")
    parser.add_argument("--calls", type=int, default=2000, help="of each of five rounds")
    parser.add_argument("--backend", default=None, help="such as native,torchscript; omitted: export's own")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    names = None if given.backend is None else given.backend.split(",")
    for title, module in models().items():
        with tempfile.TemporaryDirectory() as folder:
            bundle = make_bundle(Path(folder), module, names)
            print(table(title, measure(module, bundle, given.program, given.calls)))
    return 0


def models() -> dict[str, ScaledModel]:
    """The trainer's two models at their default sizes, over the features of spec `tfa`."""
    torch.manual_seed(1)
    width = FeatureSpec.load("tfa").n_features
    transformer = Transformer(width, 32, d_model=96, heads=4, layers=2, feed_forward=192, dropout=0.1)
    return {
        f"MLP {width}-128-128-1": ScaledModel(MLP(width, [128, 128], 0.1), width, 1),
        f"Transformer 32 x {width}, width 96, 2 layers": ScaledModel(transformer, width, 32),
    }


def make_bundle(folder: Path, module: ScaledModel, backends: Sequence[str] | None) -> Path:
    """A bundle of simulated bars around an untrained module, whose scaler is fitted in place."""
    spec, bars = FeatureSpec.load("tfa"), bars_for(BARS)
    engine = FeatureEngine(spec)
    features = engine.compute(bars).astype(np.float32)
    module.scaler.fit(features, np.arange(spec.first_valid_row, BARS))
    module.eval().requires_grad_(False)
    last = BARS - 2
    span = Span(rows=1000, first_ts=int(bars.ts[0]), last_ts=int(bars.ts[last]))
    source = Source(
        module=module,
        spec=spec,
        bars=bars,
        engine_state=engine.state(),
        features=features,
        train=(0, BARS // 2),
        test=(BARS // 2, last),
        windows_cross_sessions=True,
        output="logit",
        label={"kind": "direction", "horizon": 1},
        spans=Spans(train=span, validation=span, test=span),
        metrics=Metrics(rows=1000, scores={"model": {"auc": None}}, auc_standard_error=None),
        chain=Chain(
            bars_hash=bars.hash,
            cache_key="0" * 64,
            cache_id="0" * 64,
            spec_hash=spec.hash,
            run="benchmark",
            git_commit=None,
        ),
    )
    destination = folder / "BENCH" / "v1"
    write_bundle(destination, source, created_at=datetime.now(UTC), created_by="benchmark", backends=backends)
    return destination


def measure(module: ScaledModel, bundle: Path, program: Path, calls: int) -> Times:
    """Nanoseconds of each call: `Python eager`, and each backend that the program has."""
    times: dict[str, list[np.ndarray]] = {}
    for _ in range(ROUNDS):
        times.setdefault("Python eager", []).append(eager(module, calls))
        words = [str(program), str(bundle), str(calls)]
        document = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
        for name, result in document.items():
            times.setdefault(name, []).append(np.array(result["ns"]))
    return {name: np.concatenate(rounds) for name, rounds in times.items()}


def eager(module: ScaledModel, calls: int) -> np.ndarray:
    """Nanoseconds of forwards of the module as Python runs it."""
    draws = torch.Generator().manual_seed(1)
    times = np.empty(calls, np.int64)
    with torch.inference_mode():
        for number in range(-50, calls):  # the first 50 warm it
            window = torch.rand(1, module.seq_len, module.n_features, generator=draws)
            started = time.perf_counter_ns()
            module(window).item()
            if number >= 0:
                times[number] = time.perf_counter_ns() - started
    return times


def table(title: str, times: Times) -> str:
    """A table in Markdown."""
    reference = float(np.median(times["Python eager"]))
    lines = [f"\n{title}, {len(times['Python eager'])} calls each\n"]
    lines += ["| what | median | p99 | p99 / median | times faster |", "|---|---|---|---|---|"]
    for name, values in times.items():
        median, worst = float(np.median(values)), float(np.percentile(values, 99))
        lines.append(
            f"| {name} | {median / 1000:.2f} µs | {worst / 1000:.2f} µs | {worst / median:.2f} "
            f"| {reference / median:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
