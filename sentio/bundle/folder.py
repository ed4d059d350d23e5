"""The bundle's folder: its files, each read once and used from the very bytes that were hashed."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sentio.bars import Bars
from sentio.bars.contract import COLUMNS
from sentio.bundle.manifest import BATCHES, MODEL_FILES, STRESS, WINDOWS, Manifest
from sentio.errors import BadInput, BarsError, CorruptStore, UsageError
from sentio.npy import array_in, write_npy
from sentio.sealed_folder import SUMS, SealedFolder, open_sealed
from sentio.signature import TrustedKey

__all__ = [
    "MANIFEST",
    "SPEC",
    "STATE",
    "BundleFiles",
    "Floats",
    "Goldens",
    "check_listing",
    "open_bundle",
    "read_files",
    "read_opened",
]

MANIFEST, SPEC, STATE = "metadata.json", "feature_spec.json", "engine.state"
GOLDEN = (
    *("ts", "bars", "features", "warm_features", "rows", "stress", "stress_outputs"),
    *(f"outputs_{batch}" for batch in BATCHES),
)
BEFORE = "golden/before.state"
FILES = (MANIFEST, SPEC, STATE, BEFORE, *(f"golden/{name}.npy" for name in GOLDEN))
NATIVE_GOLDEN = "golden/native.npy"
ALL_NAMES = frozenset({*FILES, NATIVE_GOLDEN, *MODEL_FILES})
# Of all files together, as kMostBytes of sealed_folder.hpp: they are in memory before their hashes are known.
MOST_BYTES = 1 << 30

# Who is within a thousandth of the outputs' spread decides as this model does; rounding is some millionth.
SPREAD_SHARE = 1e-3
# Of outputs that are all the same there is no spread, but there is rounding.
LEAST_ULP = 64

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BundleFiles:
    """A bundle's identity and the bytes of its files by name, all checked against `SHA256SUMS`.

    Attributes:
        signed: whether there is a signature, whosever it is.
    """

    path: Path
    id: str
    contents: Mapping[str, bytes]
    signed: bool = False

    def __getitem__(self, name: str) -> bytes:
        return self.contents[name]

    def hashes(self) -> dict[str, str]:
        """The SHA-256 of each file by its name, in the order of the names."""
        return {name: hashlib.sha256(self.contents[name]).hexdigest() for name in sorted(self.contents)}


@dataclass(frozen=True, slots=True)
class Goldens:
    """What the trained module answered, and to what.

    Attributes:
        ts: int64 [G], bar opens, UTC nanoseconds.
        bars: float64 [G, 5]: open, high, low, close, volume.
        features: float32 [G, F], by an engine that starts cold at the first of these bars.
        before: the snapshot of an engine that has seen all bars of the training data before these.
        warm_features: float32 [G, F], by an engine that goes on from there.
        rows: int64 [256], ascending, the last row of each window.
        outputs: float32 [256, C] for each batch size.
        stress: float32 [16, T, F], windows far outside of what was trained on.
        stress_outputs: float32 [16, C], one at a time.
        native: float32 [272, C], what the backend `native` gives to the windows of `rows`, then to `stress`;
            None where the bundle does not hold it.
    """

    ts: NDArray[np.int64]
    bars: NDArray[np.float64]
    features: Floats
    before: bytes
    warm_features: Floats
    rows: NDArray[np.int64]
    outputs: Mapping[int, Floats]
    stress: Floats
    stress_outputs: Floats
    native: Floats | None = None

    def stress_rows(self) -> tuple[Floats, NDArray[np.int64]]:
        """The stress windows end to end, float32 [16 T, F], and the last row of each."""
        length = self.stress.shape[1]
        rows = np.arange(length - 1, len(self.stress) * length, length)
        return self.stress.reshape(-1, self.stress.shape[2]), rows

    def largest_tolerance(self) -> float:
        """The largest tolerance by which another model is still told from this one.

        That is `SPREAD_SHARE` of the outputs' spread, the largest less the smallest, stress windows included,
        of the column where that is most; at least `LEAST_ULP` units in the last place of the largest output.
        """
        outputs = np.concatenate([self.outputs[1], self.stress_outputs]).astype(np.float64)
        largest = float(np.abs(outputs).max())
        ulp = math.ldexp(1.0, math.frexp(max(largest, 2.0**-126))[1] - 24)
        return max(SPREAD_SHARE * float(np.ptp(outputs, axis=0).max()), LEAST_ULP * ulp)

    def to_bars(self, manifest: Manifest) -> Bars:
        """The golden bars.

        Raises:
            CorruptStore: they, or what the manifest says of them, break the contract of bars.
        """
        try:
            return Bars(
                symbol=manifest.symbol,
                interval=manifest.interval,
                ts=self.ts,
                **dict(zip(COLUMNS, self.bars.T, strict=True)),
                simulated=manifest.simulated,
                timezone=manifest.timezone,
                adjustment=manifest.adjustment,
            )
        except (BarsError, UsageError) as error:
            raise CorruptStore("golden bars", error.found, problems=error.problems) from error

    def write(self, folder: Path) -> None:
        """Write `golden/` below `folder`."""
        (folder / "golden").mkdir()
        (folder / BEFORE).write_bytes(self.before)
        for name, array in self._arrays().items():
            with write_npy(folder / "golden" / f"{name}.npy", array.dtype, array.shape) as file:
                file.append(array)

    @classmethod
    def read(cls, files: BundleFiles, manifest: Manifest) -> Goldens:
        """Read the arrays and check their shapes and types against the manifest.

        Raises:
            CorruptStore: all arrays that do not fit are named.
        """
        bars, width = manifest.golden.bars, manifest.input.n_features
        n_outputs = manifest.output.width
        expected: dict[str, tuple[DTypeLike, tuple[int, ...]]] = {
            "ts": (np.int64, (bars,)),
            "bars": (np.float64, (bars, 5)),
            "features": (np.float32, (bars, width)),
            "warm_features": (np.float32, (bars, width)),
            "rows": (np.int64, (WINDOWS,)),
            **{f"outputs_{batch}": (np.float32, (WINDOWS, n_outputs)) for batch in BATCHES},
            "stress": (np.float32, (STRESS, manifest.input.seq_len, width)),
            "stress_outputs": (np.float32, (STRESS, n_outputs)),
        }
        if manifest.backend("native") is not None:
            expected["native"] = (np.float32, (WINDOWS + STRESS, n_outputs))
        arrays: dict[str, Any] = {}
        problems = []
        for name, (dtype, shape) in expected.items():
            file = f"golden/{name}.npy"
            try:
                arrays[name] = array_in(files[file], dtype, shape, where=file)
            except CorruptStore as error:
                problems.append(str(error))
        if problems:
            raise CorruptStore(str(files.path), "has goldens that do not fit its manifest", problems=problems)
        outputs = {batch: arrays.pop(f"outputs_{batch}") for batch in BATCHES}
        return cls(outputs=outputs, before=files[BEFORE], **arrays)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        names = {field.name for field in fields(self)} - {"outputs", "before"}
        plain = {name: getattr(self, name) for name in sorted(names)}
        arrays = plain | {f"outputs_{batch}": self.outputs[batch] for batch in BATCHES}
        return {name: array for name, array in arrays.items() if array is not None}


@contextmanager
def open_bundle(folder: Path) -> Iterator[SealedFolder]:
    """Open a bundle's folder; of its files `SHA256SUMS` and the signature alone are read.

    Raises:
        UsageError: there is no such folder.
        BadInput: it is a folder of something else.
        CorruptStore: it holds no `SHA256SUMS`.
    """
    hint = "a bundle is artifacts/MODEL_ID/VERSION"
    if not folder.is_dir():
        raise UsageError(str(folder), "is not a folder", hint=hint)
    if not any(os.path.lexists(folder / name) for name in (SUMS, MANIFEST)):
        raise BadInput(str(folder), f"is not a bundle: it holds no {SUMS} and no {MANIFEST}", hint=hint)
    with open_sealed(folder) as sealed:
        yield sealed


def read_files(folder: Path, trusted: TrustedKey | None = None) -> BundleFiles:
    """Read a bundle; where a key is trusted, nothing of one that it did not sign, but `SHA256SUMS`.

    Raises:
        UsageError: there is no such folder.
        BadInput: it is a folder of something else.
        CheckFailed: the key did not sign it.
        CorruptStore: as `read_opened`.
    """
    with open_bundle(folder) as sealed:
        if trusted is not None:
            trusted.check(sealed.sums, sealed.signature)
        return read_opened(sealed)


def read_opened(sealed: SealedFolder) -> BundleFiles:
    """Check a bundle's files against its `SHA256SUMS`, and hold the very bytes that were checked.

    Raises:
        CorruptStore: a file is damaged, missing, a link, none of a bundle, or too large; all are named.
    """
    contents: dict[str, bytes] = {}

    def hold(name: str, stream: BufferedReader) -> str:
        contents[name] = stream.read()
        return hashlib.sha256(contents[name]).hexdigest()

    sealed.read(hold, allowed=ALL_NAMES, most_bytes=MOST_BYTES)
    problems = [f"{name}: is missing" for name in FILES if name not in contents]
    if problems:
        raise CorruptStore(str(sealed.path), "is not a bundle", problems=problems)
    return BundleFiles(sealed.path, sealed.id, contents, sealed.signature is not None)


def check_listing(files: BundleFiles, manifest: Manifest) -> str:
    """The files are those of every bundle and of the manifest's backends, and no others.

    Raises:
        CorruptStore: all that are missing or too many are named.
    """
    expected = {*FILES, *(backend.file for backend in manifest.backends)}
    if manifest.backend("native") is not None:
        expected.add(NATIVE_GOLDEN)
    problems = [f"{name}: is missing" for name in sorted(expected - set(files.contents))]
    problems += [f"{name}: is no file of this bundle" for name in sorted(set(files.contents) - expected)]
    if problems:
        raise CorruptStore(str(files.path), "holds other files than its manifest says", problems=problems)
    return (
        f"{len(expected)}, those of a bundle with {', '.join(backend.name for backend in manifest.backends)}"
    )
