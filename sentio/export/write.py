"""Writing a bundle from its parts; it knows no run and no workspace."""

from __future__ import annotations

import copy
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from sentio.bars import Bars
from sentio.bundle.checks import features_of
from sentio.bundle.cold_start import check_cold_start, cold_start_obstacle
from sentio.bundle.folder import MANIFEST, SPEC, STATE, Floats
from sentio.bundle.gate import Metrics, judge
from sentio.bundle.manifest import (
    Chain,
    Distribution,
    EngineVersion,
    GoldenSize,
    InputLayout,
    LabelOf,
    Manifest,
    Native,
    Normalisation,
    OutputKind,
    OutputLayout,
    Spans,
    Versions,
)
from sentio.bundle.module import machine
from sentio.bundle.native import NativeModel
from sentio.export.backends import choose_backends, make_backend, native_outputs
from sentio.export.golden import check_tolerance, make_goldens, tolerance
from sentio.export.native import clip_of
from sentio.extension import load_extension
from sentio.models import ScaledModel
from sentio.signature import Signer
from sentio.specs import FeatureSpec
from sentio.store import publish

__all__ = ["Source", "write_bundle"]


@dataclass(frozen=True, slots=True)
class Source:
    """What a bundle is made of.

    Attributes:
        module: trained, on the CPU.
        spec: the features that it takes, in order.
        bars: all bars that its training data was computed from.
        engine_state: the engine's snapshot after the last of them.
        features: of these bars, float32 [N, F]; may be larger than memory.
        train: the first and last row of the train span.
        test: the first and last row of the untouched test span; the golden windows end there.
        windows_cross_sessions: whether a window may hold bars of two sessions.
        output: what the module gives.
        classes: where that is classes, their names in the order of its outputs.
        label: its kind, horizon and own parameters.
        spans: of train, validation and test.
        metrics: on the test span, with the baselines.
        chain: the hashes of all of this.
    """

    module: ScaledModel
    spec: FeatureSpec
    bars: Bars
    engine_state: bytes
    features: Floats
    train: tuple[int, int]
    test: tuple[int, int]
    windows_cross_sessions: bool
    output: OutputKind
    label: Mapping[str, JsonValue]
    spans: Spans
    metrics: Metrics
    chain: Chain
    classes: Sequence[str] = ()


def write_bundle(
    destination: Path,
    source: Source,
    *,
    created_at: datetime,
    created_by: str,
    backends: Sequence[str] | None = None,
    sign: Signer | None = None,
) -> None:
    """Write a bundle and publish it whole, or not at all.

    Args:
        destination: .../MODEL_ID/VERSION, where nothing is yet.
        source: what it is made of.
        created_at: with a time zone.
        created_by: such as "user@host".
        backends: by name, the one that is to run first; None: `native` where it can run the module, then
            `torchscript`.
        sign: gives the signature that stands beside `SHA256SUMS`.

    Raises:
        UsageError: the destination exists, or a backend is unknown or cannot run the module.
        BadInput: the test span is too short for the golden windows.
        CheckFailed: the module as a backend runs it is not the trained one, or does not refuse other inputs,
            or its rounding is large beside the spread of its outputs, or the features after a cold start do
            not settle as the spec says.
        ResourceError: the place cannot be written.
    """
    module = copy.deepcopy(source.module).eval().requires_grad_(False)
    spec, bars = source.spec, source.bars
    layout = InputLayout(
        seq_len=module.seq_len,
        n_features=module.n_features,
        windows_cross_sessions=source.windows_cross_sessions,
    )
    goldens = make_goldens(module, spec, bars, source.test, layout)
    allowed = tolerance(module, goldens)
    made = [
        make_backend(name, module, goldens, layout, allowed) for name in choose_backends(module, backends)
    ]
    check_tolerance(allowed, goldens)
    for part in made:
        if isinstance(part.entry, Native):
            native = NativeModel.read(part.content, part.entry.network, layout, clip_of(module))
            goldens = replace(goldens, native=native_outputs(native, goldens))
    manifest = Manifest(
        model_id=destination.parent.name,
        version=destination.name,
        created_at=created_at.astimezone(UTC).replace(microsecond=0),
        created_by=created_by,
        simulated=bars.simulated,
        symbol=bars.symbol,
        interval=bars.interval,
        interval_ns=bars.step.ns,
        timezone=bars.timezone,
        adjustment=bars.adjustment,
        chain=source.chain,
        features=features_of(spec),
        input=layout,
        output=OutputLayout(kind=source.output, classes=list(source.classes)),
        label=LabelOf.model_validate(source.label),
        warmup=spec.warmup,
        settle=spec.settle,
        first_valid_row=spec.first_valid_row,
        session_gap_ns=spec.session_gap,
        allow_early_emit=spec.allow_early_emit,
        normalisation=Normalisation(
            mean=module.scaler.mean.tolist(), inv_std=module.scaler.inverse_deviation.tolist()
        ),
        clip=clip_of(module),
        spans=source.spans,
        metrics=source.metrics,
        gate=judge(source.metrics),
        drift=_distributions(source, spec.first_valid_row),
        backends=[part.entry for part in made],
        engine=EngineVersion(version=load_extension().build_info()["version"]),
        golden=GoldenSize(bars=len(goldens.ts)),
        versions=Versions(
            sentio=version("sentio"),
            python=platform.python_version(),
            numpy=np.__version__,
            torch=machine()[0],
        ),
    )
    if cold_start_obstacle(spec, goldens, manifest) is None:
        check_cold_start(spec, goldens, manifest)
    with publish(destination, sign) as folder:
        for part in made:
            (folder / part.entry.file).write_bytes(part.content)
        (folder / SPEC).write_text(spec.json, "utf-8")
        (folder / STATE).write_bytes(source.engine_state)
        (folder / MANIFEST).write_bytes(manifest.to_json())
        goldens.write(folder)


def _distributions(source: Source, first_valid_row: int) -> list[Distribution]:
    """Of each feature over the train rows; each edge is a value that was there."""
    first, last = source.train
    rows = source.features[max(first, first_valid_row) : last + 1]
    return [_distribution(values) for values in rows.T]


def _distribution(values: NDArray[np.float32]) -> Distribution:
    edges = np.quantile(values, np.arange(11) / 10, method="inverted_cdf")
    deciles_below = np.searchsorted(edges[1:-1], values, side="left")
    least, *deciles, most = edges.tolist()
    return Distribution(
        min=least, deciles=deciles, max=most, counts=np.bincount(deciles_below, minlength=10).tolist()
    )
