"""What `sentio train` and `sentio runs show` print of a run, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sentio.evaluation import Evaluation
from sentio.training.run import Run, RunManifest

__all__ = ["SIMULATED", "RunReport", "Table", "report", "run_document", "run_line"]

SIMULATED = "SIMULATED bars: these figures say nothing of any market"


@dataclass(frozen=True, slots=True)
class Table:
    """A title, the names of the columns, and rows of text."""

    title: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run as tables.

    Attributes:
        run: the run's id.
        notice: what has to be said before all else; "" where there is nothing.
        facts: what the run is made of: data, hashes, shapes, settings, throughput.
        lost: rows that could not be used, by reason.
        spans: train, validation, test.
        metrics: on the test span, beside the baselines; None where the run is not finished.
    """

    run: str
    notice: str
    facts: Table
    lost: Table
    spans: Table
    metrics: Table | None


def report(run: Run) -> RunReport:
    """Describe a run."""
    manifest = run.manifest
    return RunReport(
        run=run.name,
        notice=SIMULATED if manifest.simulated else "",
        facts=_facts(manifest),
        lost=Table(
            "rows lost",
            ["reason", "rows"],
            [[reason, f"{rows:,}"] for reason, rows in manifest.lost.items()],
        ),
        spans=_spans(manifest),
        metrics=_metrics(manifest, run.metrics()) if manifest.state == "finished" else None,
    )


def run_document(run: Run) -> dict[str, Any]:
    """A run for scripts: its manifest, and its metrics where it is finished."""
    metrics = run.metrics().model_dump(mode="json") if run.manifest.state == "finished" else None
    return {"run": run.manifest.model_dump(mode="json"), "metrics": metrics, "path": str(run.path)}


def run_line(run: Run) -> list[str]:
    """A run as one line of `runs list`: id, state, data, label, first metric of the model."""
    manifest = run.manifest
    first = ""
    if manifest.state == "finished":
        name, value = next(iter(next(iter(run.metrics().scores.values())).items()))
        first = f"{name} {_number(value)}"
    data = f"{manifest.symbol} {manifest.interval}{' (simulated)' if manifest.simulated else ''}"
    return [run.name, manifest.state, data, _label(manifest), first]


def _facts(manifest: RunManifest) -> Table:
    shape = f"[B, {manifest.seq_len}, {len(manifest.features)}] -> [B, {manifest.label.n_outputs}]"
    facts = {
        "state": manifest.state,
        "bars": f"{manifest.symbol} {manifest.interval}, {manifest.bars_hash}",
        "features": f"{manifest.spec_name}, {manifest.spec_hash}",
        "engine": ", ".join(f"{name} {value}" for name, value in manifest.engine.items()),
        "cache entry": manifest.cache_id,
        "label": _label(manifest),
        "model": f"{manifest.trainer}, {shape}, {manifest.parameters:,} parameters",
        "windows": "may cross sessions" if manifest.windows_cross_sessions else "inside one session",
        "device": f"{manifest.device}, {manifest.threads} threads, seed {manifest.seed}",
        "versions": ", ".join(f"{name} {value}" for name, value in manifest.versions.items()),
    }
    if manifest.state == "finished":
        facts["epochs"] = f"{manifest.epochs}, the best was {manifest.best_epoch}"
        facts["training"] = (
            f"{manifest.training_seconds:.1f} s, {manifest.samples_per_second or 0:,.0f} samples/s"
        )
    return Table(f"run {manifest.run}", ["what", "value"], [[name, text] for name, text in facts.items()])


def _label(manifest: RunManifest) -> str:
    label = manifest.label
    return f"{label.kind}, {label.horizon} bar{'s' if label.horizon > 1 else ''} ahead"


def _spans(manifest: RunManifest) -> Table:
    rows = []
    classes: list[str] = []
    for name, span in manifest.spans.items():
        row = [name, f"{span.rows:,}", _time(span.first_ts), _time(span.last_ts)]
        shares = span.shares or {}
        rows.append([*row, *(f"{share:.4f}" for share in shares.values())])
        classes = list(shares)
    columns = ["span", "rows", "first bar (UTC)", "last bar (UTC)", *(f"share {name}" for name in classes)]
    return Table("spans", columns, rows)


def _metrics(manifest: RunManifest, evaluation: Evaluation) -> Table:
    names = list(next(iter(evaluation.scores.values())))
    rows = [[who, *(_number(scores[name]) for name in names)] for who, scores in evaluation.scores.items()]
    if evaluation.auc_standard_error is not None:
        rows[0][1 + names.index("auc")] += f" ± {evaluation.auc_standard_error:.4f}"
    planted = manifest.planted or {}
    best = {name: planted.get(f"{name}_{manifest.label.horizon}") for name in names}
    if any(value is not None for value in best.values()):
        rows.append(["expected of the best model (planted)", *(_number(best[name]) for name in names)])
    return Table(f"test span, {evaluation.rows:,} rows", ["predictor", *names], rows)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if abs(value) >= 1e-3 or value == 0.0 else f"{value:.3g}"


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%d %H:%M")
