"""Building an entry: hits and misses, what cannot be built, blocks, races, and a bad disk."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from small_entry import DOCUMENT, FILES, SPEC, everything, with_document, with_one_close

import sentio
import sentio.cache.build
from sentio.bars import Bars, synthesize
from sentio.cache import build_cache, open_entry
from sentio.errors import BadInput, ResourceError, SpecError
from sentio.specs import FeatureSpec
from sentio.workspace import Workspace

# Hits and misses


def test_a_second_build_is_a_hit_and_writes_nothing(bars: Bars, workspace: Workspace) -> None:
    first = build_cache(bars, SPEC, workspace)
    times = {path: path.stat().st_mtime_ns for path in first.entry.path.iterdir()}
    second = build_cache(bars, SPEC, workspace)
    assert (first.hit, second.hit) == (False, True)
    assert second.entry.id == first.entry.id
    assert {path: path.stat().st_mtime_ns for path in first.entry.path.iterdir()} == times


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
