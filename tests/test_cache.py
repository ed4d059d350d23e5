"""The cache: what an entry holds, when it is found, and everything that opening and verifying refuse."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from xxhash import xxh3_64

import sentio
import sentio.cache.build
from sentio.bars import Bars, BarsLibrary, synthesize
from sentio.cache import CacheManifest, build_cache, list_entries, open_cache, open_entry, verify_entry
from sentio.errors import BadInput, CheckFailed, CorruptStore, ResourceError, SpecError, UsageError
from sentio.features import FeatureEngine
from sentio.specs import FeatureSpec
from sentio.workspace import Workspace

FILES = [
    "SHA256SUMS",
    "bars.npy",
    "engine.state",
    "features.npy",
    "features.parquet",
    "manifest.json",
    "ts.npy",
]
DOCUMENT: dict[str, Any] = {
    "schema_version": "1.0",
    "features": [
        {"name": "ema", "op": "EMA", "window": 9},
        {"name": "rsi", "op": "RSI", "source": "ema", "window": 14},
        {"name": "ret", "op": "LOGRET", "window": 3},
    ],
}
SPEC = FeatureSpec.from_document(DOCUMENT, name="small")


@pytest.fixture(scope="module")
def bars() -> Bars:
    return synthesize("QQQ", "1m", days=2, seed=1).bars


@pytest.fixture(scope="module")
def built(bars: Bars, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An entry that no test touches."""
    return build_cache(bars, SPEC, Workspace(tmp_path_factory.mktemp("built"))).entry.path


@pytest.fixture
def entry(built: Path, tmp_path: Path) -> Path:
    """A copy of it, at the same place below another workspace, to be damaged."""
    return shutil.copytree(built, tmp_path / "data" / "cache" / Path(*built.parts[-3:]))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def everything(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


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


# Hits and misses


def test_a_second_build_is_a_hit_and_writes_nothing(bars: Bars, workspace: Workspace) -> None:
    first = build_cache(bars, SPEC, workspace)
    times = {path: path.stat().st_mtime_ns for path in first.entry.path.iterdir()}
    second = build_cache(bars, SPEC, workspace)
    assert (first.hit, second.hit) == (False, True)
    assert second.entry.id == first.entry.id
    assert {path: path.stat().st_mtime_ns for path in first.entry.path.iterdir()} == times


def with_one_close(bars: Bars, row: int) -> Bars:
    close = bars.close.copy()
    close[row] = np.nextafter(close[row], bars.low[row] if close[row] > bars.low[row] else bars.high[row])
    return dataclasses.replace(bars, close=close)


def with_document(**changes: Any) -> FeatureSpec:
    return FeatureSpec.from_document({**DOCUMENT, **changes}, name="small")


@pytest.mark.parametrize("row", [0, 400, 779])
def test_one_bit_of_one_bar_is_a_miss(row: int, bars: Bars, workspace: Workspace) -> None:
    build_cache(bars, SPEC, workspace)
    assert not build_cache(with_one_close(bars, row), SPEC, workspace).hit


def test_other_bars_or_another_meaning_of_them_is_a_miss(bars: Bars, workspace: Workspace) -> None:
    build_cache(bars, SPEC, workspace)
    for other in (
        bars[:-1],
        bars[1:],
        dataclasses.replace(bars, ts=bars.ts + 1),
        dataclasses.replace(bars, volume=bars.volume * 2),
        dataclasses.replace(bars, adjustment="splits"),
        dataclasses.replace(bars, simulated=False, planted=None),
        dataclasses.replace(bars, symbol="SPY"),
    ):
        assert not build_cache(other, SPEC, workspace).hit


def test_one_changed_parameter_is_a_miss(bars: Bars, workspace: Workspace) -> None:
    build_cache(bars, SPEC, workspace)
    features = DOCUMENT["features"]
    for other in (
        with_document(features=[{**features[0], "window": 10}, *features[1:]]),
        with_document(features=[features[2], *features[:2]]),
        with_document(features=features[:2]),
        with_document(alignment_policy={"pad_value": 0.0}),
        with_document(alignment_policy={"emit_from_index": 23}),
        with_document(session_gap="5h"),
    ):
        assert not build_cache(bars, other, workspace).hit


def test_what_does_not_change_a_value_is_a_hit(bars: Bars, workspace: Workspace) -> None:
    build_cache(bars, SPEC, workspace)
    renamed = FeatureSpec.from_document({**DOCUMENT, "description": "the same"}, name="other")
    assert build_cache(bars, renamed, workspace).hit


def test_one_changed_op_version_is_a_miss(
    bars: Bars, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = build_cache(bars, SPEC, workspace).entry
    # The hash that an engine would compute whose RSI has the version 2.
    text = SPEC.canonical_json
    assert text.count('"op":"RSI","source":["ema"],"version":1,') == 1
    newer = text.replace(
        '"op":"RSI","source":["ema"],"version":1,', '"op":"RSI","source":["ema"],"version":2,'
    )
    monkeypatch.setattr(FeatureSpec, "hash", property(lambda _: hashlib.sha256(newer.encode()).hexdigest()))
    assert not build_cache(bars, SPEC, workspace).hit
    with pytest.raises(BadInput, match="other versions") as raised:
        open_entry(old.path)
    assert raised.value.hint == "sentio features build QQQ --spec small --interval 1m"


# Opening by symbol and spec


@pytest.fixture
def project(workspace: Workspace, bars: Bars) -> Workspace:
    """A workspace with the bars and the spec `small`."""
    BarsLibrary(workspace).save(bars)
    (workspace.specs / "features").mkdir()
    (workspace.specs / "features" / "small.json").write_text(json.dumps(DOCUMENT))
    return workspace


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


# What cannot be built


def test_float64_is_for_the_engine_alone(bars: Bars, workspace: Workspace) -> None:
    with pytest.raises(SpecError, match="float64"):
        build_cache(bars, with_document(dtype="float64"), workspace)


def test_bars_without_a_valid_row_or_a_symbol_are_refused(bars: Bars, workspace: Workspace) -> None:
    with pytest.raises(BadInput, match="22 bars give no valid row; spec 'small' needs 23"):
        build_cache(bars[:22], SPEC, workspace)
    assert build_cache(bars[:23], SPEC, workspace).entry.manifest.rows == 23
    with pytest.raises(BadInput, match="symbol"):
        build_cache(dataclasses.replace(bars, symbol=""), SPEC, workspace)


# Building in blocks, at once, and on a bad disk


def test_progress_adds_up_and_blocks_do_not_matter(
    bars: Bars, built: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentio.cache.build, "_BLOCK", 77)
    steps: list[int] = []
    made = build_cache(bars, SPEC, workspace, progress=steps.append).entry
    assert steps == [77] * 10 + [10]
    for name in ("features.npy", "ts.npy", "bars.npy", "engine.state"):
        assert (made.path / name).read_bytes() == (built / name).read_bytes()
    frames = [pq.read_table(folder / "features.parquet").to_pandas() for folder in (made.path, built)]
    assert frames[0].equals(frames[1])
    assert pq.ParquetFile(made.path / "features.parquet").metadata.num_row_groups == 11


def test_memory_does_not_grow_with_the_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = synthesize("QQQ", "1m", days=60, seed=1).bars
    assert len(many) == 23_400
    monkeypatch.setattr(sentio.cache.build, "_BLOCK", 1000)
    build_cache(many[:1000], SPEC, Workspace(tmp_path))  # what is loaded at first use is loaded now
    peaks = []
    for rows in (2_400, 23_400):
        part = many[:rows]
        tracemalloc.start()
        build_cache(part, SPEC, Workspace(tmp_path))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # A block takes some 100 KB, all the features of the longer build would be 280 KB more.
    assert peaks[1] < peaks[0] + 50_000


def test_of_two_builders_the_first_wins_and_the_other_opens_its_entry(
    bars: Bars, workspace: Workspace
) -> None:
    inner = []

    def meanwhile(_: int) -> None:
        inner.append(build_cache(bars, SPEC, workspace))

    outer = build_cache(bars, SPEC, workspace, progress=meanwhile)
    assert (inner[0].hit, outer.hit) == (False, True)
    assert outer.entry.id == inner[0].entry.id
    assert len(everything(workspace.cache)) == 3 + len(FILES)


def test_a_build_that_fails_midway_leaves_nothing(
    bars: Bars, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentio.cache.build, "_BLOCK", 100)
    steps: list[int] = []

    def interrupt(rows: int) -> None:
        steps.append(rows)
        if len(steps) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_cache(bars, SPEC, workspace, progress=interrupt)
    assert everything(workspace.cache) == ["QQQ", "QQQ/1m"]
    assert not build_cache(bars, SPEC, workspace).hit


_FULL_DISK = """
import resource, sys
from pathlib import Path
from sentio.bars import synthesize
from sentio.cache import build_cache
from sentio.errors import ResourceError
from sentio.specs import FeatureSpec
from sentio.workspace import Workspace

bars = synthesize("QQQ", "1m", days=2, seed=1).bars
spec = FeatureSpec.load(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    build_cache(bars, spec, Workspace(Path(sys.argv[1])))
except ResourceError as error:
    print(error.exit_code, error.where)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs setrlimit")
@pytest.mark.parametrize("limit", [0, 100, 5_000, 8_000, 20_000])
def test_a_full_disk_is_a_resource_error_and_leaves_nothing(limit: int, project: Workspace) -> None:
    # No file may grow beyond the limit: writes fail as on a full disk, of one file or another.
    spec = project.specs / "features" / "small.json"
    command = [sys.executable, "-c", _FULL_DISK, str(project.root), str(spec), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("5 "), done.stdout + done.stderr
    assert everything(project.cache) == ["QQQ", "QQQ/1m"]


def test_a_place_that_cannot_be_written_is_a_resource_error(bars: Bars, workspace: Workspace) -> None:
    workspace.cache.parent.mkdir()
    workspace.cache.write_text("a file in the way")
    with pytest.raises(ResourceError):
        build_cache(bars, SPEC, workspace)
    assert workspace.cache.read_text() == "a file in the way"


# Damage


def refused(check: Callable[[Path], object], path: Path) -> bool:
    try:
        check(path)
    except CorruptStore:
        return True
    return False


@pytest.mark.parametrize("name", FILES)
def test_any_flipped_byte_is_found_by_verify(name: str, entry: Path) -> None:
    file = entry / name
    good = file.read_bytes()
    # Every position of short files, and of long ones the head, the tail and every 97th.
    positions = {*range(0, len(good), 1 if len(good) < 700 else 97), *range(32), len(good) - 1, len(good) - 2}
    verify_entry(entry)
    for at in sorted(positions):
        file.write_bytes(good[:at] + bytes([good[at] ^ (1 << at % 8)]) + good[at + 1 :])
        assert refused(verify_entry, entry), f"{name}: byte {at}"
    file.write_bytes(good)
    verify_entry(entry)


@pytest.mark.parametrize("name", ["bars.npy", "features.npy", "manifest.json", "ts.npy"])
def test_any_flipped_byte_of_what_is_read_is_found_by_opening(name: str, entry: Path) -> None:
    file = entry / name
    good = file.read_bytes()
    for at in {*range(0, len(good), 41), *range(140), len(good) - 1}:
        file.write_bytes(good[:at] + bytes([good[at] ^ (1 << at % 8)]) + good[at + 1 :])
        assert refused(open_entry, entry), f"{name}: byte {at}"


@pytest.mark.parametrize("name", ["bars.npy", "features.npy", "manifest.json", "ts.npy", "SHA256SUMS"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "longer"])
def test_files_that_are_missing_or_of_another_length_are_found_by_opening(
    name: str, damage: str, entry: Path
) -> None:
    file = entry / name
    good = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes({"empty": b"", "cut": good[:-1], "longer": good + b"\n"}[damage])
    assert refused(open_entry, entry)
    assert refused(verify_entry, entry)


def test_links_and_strange_files_are_found_by_verify(entry: Path, tmp_path: Path) -> None:
    (entry / "extra").write_text("")
    assert refused(verify_entry, entry)
    (entry / "extra").unlink()
    moved = tmp_path / "ts.npy"
    (entry / "ts.npy").rename(moved)
    (entry / "ts.npy").symlink_to(moved)
    assert refused(verify_entry, entry)


def test_an_entry_under_another_name_is_refused(entry: Path) -> None:
    key = entry.name
    for place in (entry.with_name("0" * 64), entry.parent.with_name("5m") / key):
        place.parent.mkdir(exist_ok=True)
        entry.rename(place)
        assert refused(open_entry, place)
        place.rename(entry)
    other = entry.parents[2] / "SPY" / "1m" / key
    shutil.copytree(entry, other)
    assert refused(open_entry, other)


def seal(entry: Path, **changes: Any) -> None:
    """Make hashes and sums agree again with what is there, as somebody would who forges an entry."""
    manifest = json.loads((entry / "manifest.json").read_text()) | changes
    for name in manifest["xxh3"]:
        manifest["xxh3"][name] = xxh3_64((entry / name).read_bytes()).hexdigest()
    (entry / "manifest.json").write_text(json.dumps(manifest))
    names = sorted(path.name for path in entry.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256((entry / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (entry / "SHA256SUMS").write_text("".join(lines))


def test_a_sealed_entry_is_good(entry: Path) -> None:
    seal(entry)
    verify_entry(entry)


@pytest.mark.parametrize(
    "changes",
    [
        {"format_version": 2},
        {"unknown": 1},
        {"rows": 779},
        {"rows": "780"},
        {"first_valid_row": 21},
        {"warmup": 21},
        {"settle": None},
        {"session_gap_ns": 1},
        {"allow_early_emit": True},
        {"bars_hash": "0" * 64},
        {"spec_hash": "0" * 64},
        {"adjustment": "splits"},
        {"symbol": "SPY"},
        {"interval": "5m"},
        {"interval_ns": 1},
        {"key": "0" * 64},
        {"features": []},
        {"features": [feature.model_dump() for feature in reversed(SPEC.features)]},
    ],
    ids=str,
)
def test_a_manifest_that_lies_is_refused_though_its_sums_agree(changes: dict[str, Any], entry: Path) -> None:
    seal(entry, **changes)
    assert refused(open_entry, entry)


def test_a_manifest_that_lacks_a_field_is_refused(entry: Path) -> None:
    path = entry / "manifest.json"
    document = json.loads(path.read_text())
    for name in document:
        path.write_text(json.dumps({key: value for key, value in document.items() if key != name}))
        if name == "xxh3":
            continue  # `seal` writes into it
        seal(entry)
        assert refused(open_entry, entry), name


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((780, 3), np.float64),
        np.zeros((780, 3), ">f4"),
        np.zeros((780, 4), np.float32),
        np.zeros((781, 3), np.float32),
        np.zeros((3, 780), np.float32).T,
        np.zeros(780 * 3, np.float32),
        np.zeros((780, 3), np.int32),
    ],
    ids=lambda array: f"{array.dtype.str}{list(array.shape)}",
)
def test_an_array_of_another_kind_is_refused_though_its_sums_agree(array: np.ndarray, entry: Path) -> None:
    np.save(entry / "features.npy", array, allow_pickle=False)
    seal(entry)
    assert refused(open_entry, entry)


def test_pickles_and_other_versions_of_npy_are_refused(entry: Path) -> None:
    file = entry / "features.npy"
    features = np.load(file)
    with file.open("wb") as stream:
        np.lib.format.write_array(stream, features, version=(2, 0))
    seal(entry)
    assert refused(open_entry, entry)
    np.save(file, np.array([[None] * 3] * 780, object))
    seal(entry)
    assert refused(open_entry, entry)


def test_forged_features_and_bars_are_found_by_computing_again(entry: Path) -> None:
    file = entry / "features.npy"
    good = file.read_bytes()
    features = np.load(file)
    features[500, 1] = np.nextafter(features[500, 1], np.float32(0))
    np.save(file, features)
    seal(entry)
    open_entry(entry)
    with pytest.raises(CheckFailed, match="row 500 of 'rsi'"):
        verify_entry(entry)
    file.write_bytes(good)
    prices = np.load(entry / "bars.npy")
    prices[3, 4] += 1
    np.save(entry / "bars.npy", prices)
    seal(entry)
    with pytest.raises(CorruptStore, match="its bars are not those"):
        verify_entry(entry)


def test_a_state_of_other_bars_is_found_by_computing_again(entry: Path, bars: Bars) -> None:
    engine = FeatureEngine(SPEC)
    engine.compute(bars[:-1])
    (entry / "engine.state").write_bytes(engine.state())
    seal(entry)
    with pytest.raises(CheckFailed, match="another state"):
        verify_entry(entry)


def test_a_damaged_state_is_not_handed_out(entry: Path) -> None:
    opened = open_entry(entry)
    file = entry / "engine.state"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(CorruptStore, match=r"engine\.state"):
        opened.engine_state()


def test_a_build_does_not_touch_a_damaged_entry_and_says_what_to_do(
    bars: Bars, entry: Path, tmp_path: Path
) -> None:
    file = entry / "features.npy"
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\0\1")
    before = contents(entry)
    with pytest.raises(CorruptStore, match="its bytes are not those that were written") as raised:
        build_cache(bars, SPEC, Workspace(tmp_path))
    assert raised.value.hint == "delete the entry's folder and build the features again"
    assert contents(entry) == before


def test_an_empty_folder_in_the_way_is_no_entry(bars: Bars, entry: Path, tmp_path: Path) -> None:
    shutil.rmtree(entry)
    entry.mkdir()
    with pytest.raises(CorruptStore, match="holds no SHA256SUMS"):
        build_cache(bars, SPEC, Workspace(tmp_path))


def test_a_file_in_the_way_is_no_entry(bars: Bars, entry: Path, tmp_path: Path) -> None:
    shutil.rmtree(entry)
    entry.write_text("in the way")
    with pytest.raises(CorruptStore, match="holds no SHA256SUMS"):
        build_cache(bars, SPEC, Workspace(tmp_path))
    assert entry.read_text() == "in the way"


def test_the_list_names_good_entries_and_damaged_ones(bars: Bars, entry: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    other = build_cache(bars, with_document(session_gap="5h"), workspace).entry
    (other.path.parent / ".left-over.tmp").mkdir()
    assert set(list_entries(workspace).manifests) == {entry, other.path}
    (entry / "manifest.json").write_text("{}")
    listing = list_entries(workspace)
    assert listing.manifests == {other.path: other.manifest}
    assert [error.where for error in listing.damaged] == [str(entry / "manifest.json")]
    assert isinstance(other.manifest, CacheManifest)


def test_maps_outlive_the_files_names(entry: Path) -> None:
    opened = open_entry(entry)
    before = opened.features.copy()
    shutil.rmtree(entry)
    np.testing.assert_array_equal(opened.features, before)
    assert not os.path.lexists(entry)
