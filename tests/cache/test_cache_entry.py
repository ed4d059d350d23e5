"""What an entry of the cache holds, and how it is found by symbol and spec."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_entry import DOCUMENT, FILES, SPEC, contents, with_one_close
from xxhash import xxh3_64

import sentio
import sentio.cache.build
from sentio.bars import Bars, BarsLibrary, synthesize
from sentio.cache import build_cache, open_cache, open_entry
from sentio.errors import BadInput, UsageError
from sentio.features import FeatureEngine
from sentio.workspace import Workspace

# What an entry holds


def test_an_entry_holds_bars_and_features_to_the_bit(bars: Bars, built: Path) -> None:
    entry = open_entry(built)
    expected = FeatureEngine(SPEC).compute(bars)
    assert sorted(contents(built)) == FILES
    np.testing.assert_array_equal(entry.features.view(np.uint32), expected.view(np.uint32))
    np.testing.assert_array_equal(entry.ts, bars.ts)
    for field in dataclasses.fields(Bars):
        np.testing.assert_array_equal(getattr(entry.bars, field.name), getattr(bars, field.name))
    assert entry.bars.hash == bars.hash
    assert entry.first_valid_row == SPEC.first_valid_row
    assert np.isnan(entry.features[: entry.first_valid_row]).all()
    assert np.isfinite(entry.features[entry.first_valid_row :]).all()


def test_the_files_are_what_other_programs_read(bars: Bars, built: Path) -> None:
    entry = open_entry(built)
    for name, shape, dtype in (
        ("features", (780, 3), "<f4"),
        ("ts", (780,), "<i8"),
        ("bars", (780, 5), "<f8"),
    ):
        path = built / f"{name}.npy"
        assert path.read_bytes()[:8] == b"\x93NUMPY\x01\x00"
        array = np.load(path, allow_pickle=False)
        assert (array.shape, array.dtype.str, array.flags.c_contiguous) == (shape, dtype, True)
    np.testing.assert_array_equal(
        np.load(built / "bars.npy"),
        np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume], axis=1),
    )
    parquet = pq.read_table(built / "features.parquet")
    assert parquet.schema.equals(entry.to_arrow().schema)
    assert parquet.column("ts").equals(entry.to_arrow().column("ts"))
    assert parquet.column_names == ["ts", "ema", "rsi", "ret"]
    assert [str(kind) for kind in parquet.schema.types] == ["timestamp[ns, tz=UTC]"] + ["float"] * 3
    for k, name in enumerate(SPEC.names):
        for table in (parquet, entry.to_arrow()):
            column = table.column(name).to_numpy()
            np.testing.assert_array_equal(column.view(np.uint32), entry.features[:, k].view(np.uint32))


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_sha256sum_reads_the_sums(built: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=built, check=True)


def test_key_and_id_are_as_documented(bars: Bars, built: Path) -> None:
    parts = {
        "format_version": 1,
        "bars_hash": bars.hash,
        "adjustment": bars.adjustment,
        "spec_hash": SPEC.hash,
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    entry = open_entry(built)
    assert built.parts[-3:] == ("QQQ", "1m", hashlib.sha256(text.encode()).hexdigest())
    assert entry.key == built.name
    assert entry.id == hashlib.sha256((built / "SHA256SUMS").read_bytes()).hexdigest()


def test_the_manifest_says_what_was_computed_from_what(bars: Bars, tmp_path: Path) -> None:
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    made = build_cache(bars, SPEC, Workspace(tmp_path), clock=lambda: moment).entry
    document = json.loads((made.path / "manifest.json").read_text())
    hashes = {name: xxh3_64((made.path / name).read_bytes()).hexdigest() for name in document["xxh3"]}
    assert document.pop("features") == [feature.model_dump() for feature in SPEC.features]
    assert document.pop("planted") == dict(bars.planted or {})
    assert document == {
        "format_version": 1,
        "key": made.path.name,
        "created_at": "2026-01-31T12:00:00Z",
        "symbol": "QQQ",
        "interval": "1m",
        "interval_ns": 60 * 10**9,
        "simulated": True,
        "timezone": bars.timezone,
        "adjustment": bars.adjustment,
        "source": bars.source,
        "source_hash": bars.source_hash,
        "bars_hash": bars.hash,
        "spec_name": "small",
        "spec_hash": SPEC.hash,
        "spec": DOCUMENT,
        "engine_version": "0.1.0",
        "rows": 780,
        "first_valid_row": 22,
        "warmup": 22,
        "settle": SPEC.settle,
        "session_gap_ns": 4 * 3600 * 10**9,
        "allow_early_emit": False,
        "xxh3": hashes,
    }
    assert sorted(hashes) == ["bars.npy", "features.npy", "ts.npy"]
    assert made.manifest.features == ["ema", "rsi", "ret"]
    assert made.manifest.engine == {"version": "0.1.0"}


def test_nothing_of_an_entry_can_be_written(built: Path) -> None:
    entry = open_entry(built)
    for array in (entry.features, entry.ts, entry.bars.close, entry.features[3:5]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    for array in (entry.features, entry.ts):
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True


def test_the_engine_state_goes_on_where_the_entry_ends(tmp_path: Path) -> None:
    whole = synthesize("QQQ", "1m", days=3, seed=1).bars
    first = build_cache(whole[:780], SPEC, Workspace(tmp_path)).entry
    engine = FeatureEngine(SPEC)
    engine.restore(first.engine_state())
    expected = FeatureEngine(SPEC).compute(whole)[780:]
    np.testing.assert_array_equal(engine.compute(whole[780:]).view(np.uint32), expected.view(np.uint32))


# Opening by symbol and spec


def test_an_entry_is_found_by_symbol_and_spec(project: Workspace, bars: Bars) -> None:
    made = build_cache(bars, SPEC, project).entry
    by_path = project.specs / "features" / "small.json"
    for spec in ("small", by_path, str(by_path), SPEC):
        for interval in (None, "1m"):
            found = sentio.open_cache("QQQ", spec=spec, interval=interval, root=project.root)
            assert (found.path, found.id) == (made.path, made.id)


def test_missing_features_are_an_error_with_the_exact_command(project: Workspace, bars: Bars) -> None:
    with pytest.raises(BadInput, match="those of spec 'small' are not built") as raised:
        open_cache("QQQ", spec="small", root=project.root)
    command = f"sentio features build QQQ --spec small --interval 1m --root {project.root}"
    assert raised.value.hint == command
    assert raised.value.exit_code == 3
    # Bars that were replaced since leave the old entry behind, which is not what is asked for.
    build_cache(bars, SPEC, project)
    BarsLibrary(project).save(with_one_close(bars, 5), replace=True)
    with pytest.raises(BadInput, match="not built for the bars as they are now"):
        open_cache("QQQ", spec="small", root=project.root)


def test_missing_bars_and_unknown_specs_are_errors(project: Workspace) -> None:
    with pytest.raises(BadInput, match="there are none"):
        open_cache("SPY", spec="small", root=project.root)
    with pytest.raises(UsageError, match="did you mean small"):
        open_cache("QQQ", spec="smal", root=project.root)
