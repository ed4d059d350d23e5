"""Everything that opening and verifying an entry refuse."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_entry import FILES, SPEC, contents, with_document
from xxhash import xxh3_64

from sentio.bars import Bars
from sentio.cache import CacheManifest, build_cache, list_entries, open_entry, verify_entry
from sentio.errors import CheckFailed, CorruptStore
from sentio.features import FeatureEngine
from sentio.workspace import Workspace


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
