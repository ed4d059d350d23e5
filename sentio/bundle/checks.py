"""What a bundle must prove before it is believed: each check tells what it found, or raises what is wrong."""

from __future__ import annotations

import numpy as np

from sentio.bundle.folder import MANIFEST, SPEC, BundleFiles, Floats, Goldens
from sentio.bundle.manifest import Aoti, Backend, Feature, Manifest, Native, Onnx, TorchScript
from sentio.bundle.models import Model, accepted_misfits
from sentio.bundle.native import NativeModel
from sentio.bundle.windows import window_rows
from sentio.errors import CheckFailed, CorruptStore
from sentio.features import FeatureEngine
from sentio.specs import FeatureSpec

__all__ = [
    "check_features",
    "check_features_bar_by_bar",
    "check_goldens",
    "check_normalisation",
    "check_outputs",
    "check_refusals",
    "check_spec",
    "check_state",
    "check_stress",
    "check_warm_start",
    "features_of",
    "read_spec",
]


def read_spec(files: BundleFiles, manifest: Manifest) -> FeatureSpec:
    """Compile the bundle's spec with this engine, and compare its hash with the manifest's.

    Raises:
        SpecError: this engine does not compile it.
        CorruptStore: it is not UTF-8, or compiles to another hash.
    """
    where = str(files.path / SPEC)
    try:
        text = files[SPEC].decode("utf-8")
    except UnicodeDecodeError:
        raise CorruptStore(where, "is not UTF-8 text") from None
    spec = FeatureSpec.from_document(text, name=manifest.model_id, where=where)
    if spec.hash != manifest.chain.spec_hash:
        raise CorruptStore(
            where,
            f"is not that of the manifest: its hash is told as {manifest.chain.spec_hash}, "
            f"this engine computes {spec.hash}",
            hint=f"it was made by engine {manifest.engine.version}; another version of an op is another hash",
        )
    return spec


def check_spec(spec: FeatureSpec, manifest: Manifest) -> str:
    """The features, their order and all that follows from them are as the manifest says.

    Raises:
        CorruptStore: all that differs is named.
    """
    compiled = features_of(spec)
    problems = []
    if len(compiled) != len(manifest.features):
        problems.append(f"features: are {len(manifest.features)}, compiled are {len(compiled)}")
    problems += [
        f"features[{place}]: is {told.name} ({told.op}), compiled is {found.name} ({found.op})"
        for place, (told, found) in enumerate(zip(manifest.features, compiled, strict=False))
        if told != found
    ]
    figures = {
        "warmup": (manifest.warmup, spec.warmup),
        "settle": (manifest.settle, spec.settle),
        "first_valid_row": (manifest.first_valid_row, spec.first_valid_row),
        "session_gap_ns": (manifest.session_gap_ns, spec.session_gap),
        "allow_early_emit": (manifest.allow_early_emit, spec.allow_early_emit),
        "input.dtype": (manifest.input.dtype, spec.dtype),
    }
    problems += [
        f"{name}: is {told}, compiled is {found}" for name, (told, found) in figures.items() if told != found
    ]
    if problems:
        raise CorruptStore("metadata.json", "says of the features what the spec does not", problems=problems)
    return f"{len(compiled)} features, names, order and parameters as the spec has them"


def features_of(spec: FeatureSpec) -> list[Feature]:
    """The columns of a spec as a manifest lists them."""
    return [Feature(**feature.model_dump(include=set(Feature.model_fields))) for feature in spec.features]


def check_goldens(goldens: Goldens, manifest: Manifest) -> None:
    """The golden bars are bars, and the golden windows are windows that training could have seen.

    Raises:
        CorruptStore: a bar breaks its contract.
        CheckFailed: a row ends no full window, or an output is not finite, or not a probability where it
            is to be one, or a tolerance is so large that another model might pass for this one.
    """
    bars = goldens.to_bars(manifest)
    allowed = window_rows(bars.ts, manifest.first_valid_row, manifest.input, manifest.session_gap_ns)
    stray = np.setdiff1d(goldens.rows, allowed)
    if len(stray) or (np.diff(goldens.rows) <= 0).any():
        raise CheckFailed(
            "golden/rows.npy", f"is not ascending, or holds rows that end no window: {stray[:5].tolist()}"
        )
    outputs = [*goldens.outputs.values(), goldens.stress, goldens.stress_outputs]
    outputs += [] if goldens.native is None else [goldens.native]
    if not all(np.isfinite(values).all() for values in outputs):
        raise CheckFailed("golden", "holds outputs or stress windows that are not finite")
    most = goldens.largest_tolerance()
    for backend in manifest.backends:
        if backend.tolerance > most:
            raise CheckFailed(
                MANIFEST,
                f"{backend.name}: the tolerance is {backend.tolerance:.9g}; the spread of the golden outputs "
                f"allows {most:.9g}",
            )
    if manifest.output.kind == "probability":
        answers = [*goldens.outputs.values(), goldens.stress_outputs]
        answers += [] if goldens.native is None else [goldens.native]
        if not all(((values >= 0.0) & (values <= 1.0)).all() for values in answers):
            raise CheckFailed("golden", "holds outputs that are no probabilities: they are outside [0, 1]")


def check_features(spec: FeatureSpec, goldens: Goldens, manifest: Manifest) -> str:
    """The engine, cold, computes the golden features in one call, to the bit.

    Raises:
        CheckFailed: they differ; the first difference is named.
    """
    found = FeatureEngine(spec).compute(goldens.to_bars(manifest)).astype(np.float32, copy=False)
    return _same_features(spec, goldens.features, found)


def check_features_bar_by_bar(spec: FeatureSpec, goldens: Goldens, manifest: Manifest) -> str:
    """As `check_features`, but as live: one bar at a time."""
    engine = FeatureEngine(spec)
    times = goldens.to_bars(manifest).ts.tolist()
    rows = [engine.step(ts, *bar) for ts, bar in zip(times, goldens.bars.tolist(), strict=True)]
    return _same_features(spec, goldens.features, np.stack(rows).astype(np.float32, copy=False))


def check_warm_start(spec: FeatureSpec, goldens: Goldens, manifest: Manifest) -> str:
    """An engine that goes on from the snapshot before the golden bars computes what the long run computed.

    Raises:
        CorruptStore: the snapshot is damaged or of another spec.
        CheckFailed: they differ; the first difference is named.
    """
    engine = FeatureEngine(spec)
    engine.restore(goldens.before)
    seen = engine.bars_seen
    found = engine.compute(goldens.to_bars(manifest)).astype(np.float32, copy=False)
    same = _same_features(spec, goldens.warm_features, found, "golden/warm_features.npy")
    return f"after {seen} bars, {same}"


def check_outputs(model: Model, goldens: Goldens, backend: Backend, batch_size: int) -> str:
    """The model gives the golden outputs.

    Those of the trained module: the same bits where torch and the processor are the recorded ones, else
    within the backend's tolerance; its own, of `native`: the same bits everywhere.

    Raises:
        CheckFailed: they differ by more.
    """
    found = model.run(goldens.features, goldens.rows, batch_size)
    own = None if goldens.native is None else goldens.native[: len(found)]
    return _compare_outputs(found, goldens.outputs[batch_size], own, backend)


def check_stress(model: Model, goldens: Goldens, backend: Backend) -> str:
    """As `check_outputs`, of windows far outside of what was trained on."""
    found = model.run(*goldens.stress_rows())
    own = None if goldens.native is None else goldens.native[len(goldens.rows) :]
    return _compare_outputs(found, goldens.stress_outputs, own, backend)


def check_refusals(model: Model, backend: Backend, manifest: Manifest) -> str:
    """The model itself refuses every other rank, T, F and type, T = 1 and F = 1 among them.

    Raises:
        CheckFailed: what it accepted is named.
    """
    layout = manifest.input
    accepted, offered = accepted_misfits(model.forward, layout.seq_len, layout.n_features)
    if accepted:
        raise CheckFailed(
            backend.file,
            f"takes float32 [B, {layout.seq_len}, {layout.n_features}], but accepts {', '.join(accepted)}",
        )
    return f"{offered} of {offered}"


def check_normalisation(model: NativeModel, manifest: Manifest) -> str:
    """The manifest's copy of the scaler is what the weights of `native` hold.

    Raises:
        CheckFailed: they differ.
    """
    told = manifest.normalisation
    pairs = {"mean": told.mean, "inverse_deviation": told.inv_std}
    for name, values in pairs.items():
        if model.tensors[f"scaler.{name}"].tolist() != values:
            raise CheckFailed("metadata.json", f"normalisation: the weights hold another {name}")
    return f"{len(told.mean)} means and deviations, those of the weights"


def check_state(spec: FeatureSpec, state: bytes, manifest: Manifest) -> str:
    """The engine's snapshot restores, gives its own bytes again, and ends no earlier than the training data.

    Raises:
        CorruptStore: it is damaged or of another spec.
        CheckFailed: it ends too early to be of this bundle.
    """
    engine = FeatureEngine(spec)
    engine.restore(state)
    if engine.state() != state:
        raise CheckFailed("engine.state", "gives other bytes when it is restored and taken again")
    last_ts = engine.last_ts
    needed_ts = manifest.spans.test.last_ts
    spans = (manifest.spans.train, manifest.spans.validation, manifest.spans.test)
    needed_bars = manifest.first_valid_row + manifest.input.seq_len - 1 + sum(span.rows for span in spans)
    text = f"{engine.bars_seen} bars, the last at {last_ts}"
    if last_ts is None or last_ts < needed_ts or engine.bars_seen < needed_bars:
        raise CheckFailed(
            "engine.state", f"has seen {text}; the spans end at {needed_ts} and have {needed_bars} bars"
        )
    return text


def _compare_outputs(found: Floats, golden: Floats, own: Floats | None, backend: Backend) -> str:
    differ = _differing(golden, found)
    largest = float(np.abs(found.astype(np.float64) - golden).max())
    text = f"{differ} of {golden.size} outputs differ, by at most {largest:.3g}"
    agrees = largest <= backend.tolerance  # NaN does not
    match backend:
        case Native():
            text += f" from the trained module's; allowed is {backend.tolerance:.3g}"
            own_differ = found.size if own is None else _differing(own, found)
            if own_differ:
                raise CheckFailed(
                    backend.file,
                    f"{own_differ} of {found.size} outputs differ from native's own, which "
                    "are the same bits everywhere",
                )
            text = f"equal to native's own to the bit; {text}"
        case Aoti() | Onnx():
            text += f"; allowed is {backend.tolerance:.3g}"
        case TorchScript():
            from sentio.bundle.module import machine

            told, here = (backend.torch, backend.cpu_capability), machine()
            if told == here:
                agrees = differ == 0
            else:
                text += (
                    f"; allowed is {backend.tolerance:.3g}, for the goldens are of torch {' '.join(told)},"
                )
                text += f" here is {' '.join(here)}"
    if not agrees:
        raise CheckFailed(backend.file, text)
    return text


def _differing(one: Floats, other: Floats) -> int:
    return int(np.count_nonzero(one.view(np.uint32) != other.view(np.uint32)))


def _same_features(
    spec: FeatureSpec, golden: Floats, found: Floats, file: str = "golden/features.npy"
) -> str:
    if golden.shape != found.shape:
        raise CheckFailed(file, f"is {list(golden.shape)}, computed are {list(found.shape)} values")
    differ = golden.view(np.uint32) != found.view(np.uint32)
    if differ.any():
        row, column = (int(place) for place in np.argwhere(differ)[0])
        raise CheckFailed(
            file,
            f"{np.count_nonzero(differ)} of {golden.size} values differ, the first is row {row} of "
            f"{spec.names[column]!r}: golden {golden[row, column]}, computed {found[row, column]}",
        )
    return f"{golden.shape[0]} x {golden.shape[1]} values equal to the bit"
