"""Loading a bundle, and predicting with it exactly as it was trained."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentio.bars import Bars, require_bars
from sentio.bundle import checks, cold_start
from sentio.bundle.folder import MANIFEST, STATE, Goldens, check_listing, read_files
from sentio.bundle.manifest import BATCHES, Manifest, OutputKind, parse_manifest
from sentio.bundle.models import Model, choose_backend, load_model
from sentio.bundle.native import NativeModel
from sentio.bundle.windows import window_rows
from sentio.errors import BadInput, UsageError
from sentio.features import FeatureEngine
from sentio.signature import TrustedKey
from sentio.specs import FeatureSpec

__all__ = ["Bundle", "Predictions", "load_bundle"]


@dataclass(frozen=True, slots=True)
class Predictions:
    """One prediction for each bar that ends a full window; the other bars are absent.

    Attributes:
        ts: int64 [M], the open of the window's last bar, UTC nanoseconds; it is known at that bar's close.
        values: float32 [M, C], the module's raw outputs: one logit, probability or value in units of the
            label, or a logit for each class.
        kind: which of them.
        classes: their names, in the order of the columns; empty where the kind is another.
    """

    ts: NDArray[np.int64]
    values: NDArray[np.float32]
    kind: OutputKind
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def value(self) -> NDArray[np.float32]:
        """The one raw output, float32 [M].

        Raises:
            UsageError: there is one for each class.
        """
        if self.kind == "classes":
            raise UsageError("value", f"there is one for each of {', '.join(self.classes)}", hint="values")
        return self.values[:, 0]

    @property
    def probability(self) -> NDArray[np.float64]:
        """The probability of a rise, float64 [M].

        Raises:
            UsageError: the outputs are returns, or of classes.
        """
        if self.kind in ("return", "classes"):
            raise UsageError(
                "probability", f"the outputs are of kind {self.kind!r}, which has none of a rise"
            )
        value = self.value.astype(np.float64)
        if self.kind == "probability":
            return value
        # By the same library as live, whose bits NumPy's vectors do not always give.
        small = np.array([math.exp(-abs(logit)) for logit in value.tolist()])  # which does not overflow
        shares: NDArray[np.float64] = np.where(value < 0.0, small, 1.0) / (1.0 + small)
        return shares

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The probability of each class by softmax, float64 [M, C].

        Raises:
            UsageError: there are no classes.
        """
        if self.kind != "classes":
            raise UsageError("probabilities", f"the outputs are of kind {self.kind!r}, which has no classes")
        values = self.values.astype(np.float64)
        powers = np.exp(values - values.max(axis=1, keepdims=True))  # without overflow
        shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return shares


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose files, spec and goldens have been checked.

    Attributes:
        path: its folder.
        id: the SHA-256 of its `SHA256SUMS`.
        manifest: metadata.json.
        spec: the feature spec as this engine compiled it.
        goldens: what the trained module answered, and to what.
        engine_state: the engine's snapshot after the last bar of the training data.
        backend: what runs the model here.
    """

    path: Path
    id: str
    manifest: Manifest
    spec: FeatureSpec
    goldens: Goldens = field(repr=False)
    engine_state: bytes = field(repr=False)
    backend: str
    _model: Model = field(repr=False)

    @property
    def simulated(self) -> bool:
        """Whether the training bars were made up."""
        return self.manifest.simulated

    @property
    def model(self) -> Model:
        """What runs the bundle's `backend`."""
        return self._model

    def check_interval(self, bars: Bars) -> None:
        """Refuse bars of another interval than the model was trained on.

        Raises:
            BadInput: they are.
        """
        manifest = self.manifest
        if bars.interval != manifest.interval:
            raise BadInput(
                "bars", f"are of {bars.interval}; {manifest.model_id} was trained on {manifest.interval}"
            )

    def predict(self, bars: Bars, *, warm: bool = False, batch_size: int = 1) -> Predictions:
        """Predict at the close of each bar, on one thread; threads take turns where torch runs the model.

        Args:
            bars: N bars of the bundle's interval.
            warm: go on from `engine_state`, with bars later than the training data; otherwise the engine
                starts cold and the bars up to its first valid row give no prediction.
            batch_size: windows of one forward; 1 gives the same bits as the C++ runtime, more is faster and
                may differ in the last bits (those of `native` never do).

        Returns:
            Those bars that end a full window of `seq_len` valid rows among `bars`.

        Raises:
            UsageError: `bars` are no `Bars`.
            BadInput: the bars have another interval.
            BarsError: with `warm`, a bar is not later than the training data.
        """
        require_bars(bars)
        manifest = self.manifest
        self.check_interval(bars)
        if batch_size < 1:
            raise UsageError("batch_size", f"is {batch_size}; allowed is 1 and above")
        engine = FeatureEngine(self.spec)
        earlier = np.empty(0, np.int64)
        if warm:
            engine.restore(self.engine_state)
            assert engine.last_ts is not None  # check_state: it has seen the training data
            # Two bars stand for those before, so that the session rule knows how close bars are.
            earlier = np.array([-manifest.interval_ns, 0]) + engine.last_ts
        first_valid_row = max(0, manifest.first_valid_row - engine.bars_seen) + len(earlier)
        features = engine.compute(bars).astype(np.float32, copy=False)
        times = np.concatenate([earlier, bars.ts])
        rows = window_rows(times, first_valid_row, manifest.input, manifest.session_gap_ns) - len(earlier)
        values = self._model.run(features, rows, batch_size)
        return Predictions(bars.ts[rows], values, manifest.output.kind, tuple(manifest.output.classes))


def load_bundle(
    folder: str | os.PathLike[str],
    *,
    backend: str | None = None,
    trust: str | os.PathLike[str] | None = None,
) -> Bundle:
    """Load a bundle, or refuse it, by the checks of `verify_bundle`, of the backend that is to run.

    The signature comes first, then hashes, manifest, spec, golden features, engine state and golden outputs.

    A bundle may hold code (TorchScript, machine code): load only those whose source you trust.

    Args:
        folder: such as artifacts/TFA/v1.
        backend: what is to run the model; None takes the first that the bundle holds.
        trust: a PEM file with an Ed25519 public key: a bundle that it did not sign is refused before any file
            but `SHA256SUMS` is read.

    Raises:
        UsageError: there is no such folder or key file, or the bundle does not hold that backend.
        CorruptStore: a file, the manifest, the spec or the engine's state is not what was written.
        CheckFailed: the signature is missing or not the key's, the parts do not fit each other, or the engine
            or the module gives something else than the goldens.
        BadInput: the key file holds no Ed25519 public key, or this engine does not compile the spec.
        EnvironmentProblem: the backend needs a package or a processor that is not here, or a signature is
            asked for and the package `cryptography` is not installed.
    """
    trusted = None if trust is None else TrustedKey(Path(trust))
    files = read_files(Path(folder), trusted)
    manifest = parse_manifest(files[MANIFEST], str(files.path / MANIFEST))
    check_listing(files, manifest)
    chosen = choose_backend(manifest, backend)
    spec = checks.read_spec(files, manifest)
    checks.check_spec(spec, manifest)
    goldens = Goldens.read(files, manifest)
    checks.check_goldens(goldens, manifest)
    checks.check_features(spec, goldens, manifest)
    checks.check_features_bar_by_bar(spec, goldens, manifest)
    checks.check_warm_start(spec, goldens, manifest)
    if cold_start.cold_start_obstacle(spec, goldens, manifest) is None:
        cold_start.check_cold_start(spec, goldens, manifest)
    checks.check_state(spec, files[STATE], manifest)
    model = load_model(files, manifest, chosen)
    if isinstance(model, NativeModel):
        checks.check_normalisation(model, manifest)
    for batch_size in BATCHES:
        checks.check_outputs(model, goldens, chosen, batch_size)
    checks.check_stress(model, goldens, chosen)
    checks.check_refusals(model, chosen, manifest)
    return Bundle(files.path, files.id, manifest, spec, goldens, files[STATE], chosen.name, model)
