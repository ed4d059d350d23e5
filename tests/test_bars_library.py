"""The library keeps bars whole, gives them back as they were, and says what it cannot do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from sentio.bars import Bars, BarsLibrary, Holding, ReadOptions, read_bars, read_file
from sentio.bars.parquet import decode, encode
from sentio.errors import BarsError, CorruptStore, ResourceError, UsageError
from sentio.workspace import Workspace

COLUMNS = ("ts", "open", "high", "low", "close", "volume")


def make(symbol: str = "QQQ", interval: str = "5m", count: int = 30, **changes: Any) -> Bars:
    draws = np.random.default_rng(count)
    close = 100 * np.exp(np.cumsum(draws.normal(0, 0.01, count)))
    fields: dict[str, Any] = {
        "ts": 1_700_000_000 * 10**9 + np.arange(count) * 86400 * 10**9,
        "open": close * 1.001,
        "high": close * 1.01,
        "low": close * 0.99,
        "close": close,
        "volume": draws.integers(0, 1000, count).astype(float),
        "timezone": "America/New_York",
        "adjustment": "splits",
        "source": "Kurse für QQQ.csv",
        "source_hash": "ab" * 32,
    }
    return Bars(symbol, interval, **(fields | changes))


@pytest.fixture
def library(workspace: Workspace) -> BarsLibrary:
    return BarsLibrary(workspace)


def assert_same(one: Bars, other: Bars) -> None:
    for name in COLUMNS:
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert Holding.of(one) == Holding.of(other)


@pytest.mark.parametrize(
    "bars",
    [make(), make(count=0), make(count=1), make(simulated=True, planted={"ic_1": 0.0612, "auc_1": 0.5})],
    ids=["real", "none", "one", "simulated"],
)
def test_bars_come_back_as_they_were_saved(library: BarsLibrary, bars: Bars) -> None:
    path = library.save(bars)
    assert path == library.workspace.root / "data" / "bars" / "5m" / "QQQ.parquet"
    assert_same(library.load("QQQ", "5m"), bars)
    assert [entry.name for entry in path.parent.iterdir()] == ["QQQ.parquet"]


def test_the_file_is_an_ordinary_parquet_file_for_pandas(library: BarsLibrary) -> None:
    bars = make()
    frame = pyarrow.parquet.read_table(library.save(bars)).to_pandas()
    assert list(frame.columns) == list(COLUMNS)
    assert str(frame["ts"].dtype) == "datetime64[ns, UTC]"
    assert frame["close"].tolist() == bars.close.tolist()


def test_the_reader_reads_what_the_library_keeps_with_all_its_metadata(library: BarsLibrary) -> None:
    bars = make(simulated=True, planted={"ic_1": 0.06})
    path = library.save(bars)
    assert_same(read_bars(path), bars)
    assert_same(read_bars(path, symbol="QQQ", interval="5m"), bars)
    assert read_file(path, ReadOptions()).time_column == ""


@pytest.mark.parametrize(
    "options",
    [{"tz": "UTC"}, {"stamps": "close"}, {"symbol": "SPY"}, {"interval": "1m"}, {"adjustment": "raw"}],
)
def test_the_reader_refuses_options_that_contradict_what_the_library_wrote(
    library: BarsLibrary, options: dict[str, str]
) -> None:
    path = library.save(make())
    with pytest.raises(UsageError):
        read_bars(path, **options)


def test_the_same_bars_give_the_same_bytes(library: BarsLibrary) -> None:
    assert library.save(make()).read_bytes() == encode(make())


def test_existing_bars_are_refused_and_stay_unless_they_are_to_be_replaced(library: BarsLibrary) -> None:
    old, new = make(count=30), make(count=31)
    library.save(old)
    with pytest.raises(UsageError, match="--replace"):
        library.save(new)
    assert_same(library.load("QQQ"), old)
    library.save(new, replace=True)
    assert_same(library.load("QQQ"), new)


@pytest.mark.parametrize("simulated", [False, True])
@pytest.mark.parametrize("replace", [False, True])
def test_simulated_and_real_bars_never_take_each_others_place(
    library: BarsLibrary, simulated: bool, replace: bool
) -> None:
    there = make(simulated=simulated)
    library.save(there)
    with pytest.raises(UsageError, match="never mix") as caught:
        library.save(make(simulated=not simulated), replace=replace)
    assert caught.value.hint == "sentio data remove QQQ --interval 5m"
    assert_same(library.load("QQQ"), there)
    library.remove("QQQ", "5m")
    library.save(make(simulated=not simulated))


def test_holds_tells_exactly_these_bars(library: BarsLibrary) -> None:
    assert not library.holds(make())
    library.save(make())
    assert library.holds(make())
    assert not library.holds(make(source="other.csv"))
    assert not library.holds(make(count=29))
    assert not library.holds(make(interval="1m"))


def test_bars_without_a_symbol_have_no_place(library: BarsLibrary) -> None:
    with pytest.raises(UsageError, match="is not a symbol"):
        library.save(make(symbol=""))


def test_an_interval_left_out_is_the_only_one_or_an_error_with_the_list(library: BarsLibrary) -> None:
    library.save(make(interval="5m"))
    library.save(make(symbol="SPY", interval="1m"))
    assert library.load("QQQ").interval == "5m"
    library.save(make(interval="1m"))
    library.save(make(interval="1h"))
    assert library.intervals("QQQ") == ("1m", "5m", "1h")
    for act in (library.load, library.remove):
        with pytest.raises(UsageError, match="several intervals: 1m, 5m, 1h"):
            act("QQQ")
    assert library.load("QQQ", "60m").interval == "1h"


def test_missing_bars_say_how_to_get_some(library: BarsLibrary) -> None:
    with pytest.raises(BarsError, match="there are none") as caught:
        library.load("QQQ", "5m")
    assert caught.value.hint == (
        "sentio data import FILE --symbol QQQ --interval 5m, or sentio data synth QQQ --interval 5m"
    )
    library.save(make())
    with pytest.raises(BarsError, match="there are only bars of 5m"):
        library.load("QQQ", "1m")
    with pytest.raises(BarsError):
        library.remove("SPY")
    with pytest.raises(UsageError):
        library.load("../QQQ")


def test_the_list_is_in_order_and_of_what_the_files_say(library: BarsLibrary) -> None:
    assert library.list().holdings == ()
    for bars in (make("SPY", "1m"), make("QQQ", "1h"), make("QQQ", "5m", simulated=True)):
        library.save(bars)
    (library.workspace.bars / "notes.txt").write_text("mine")
    (library.workspace.bars / "5m" / ".QQQ.parquet.1234.tmp").write_text("left by a power cut")
    listing = library.list()
    assert [(h.symbol, h.interval, h.simulated) for h in listing.holdings] == [
        ("QQQ", "5m", True),
        ("QQQ", "1h", False),
        ("SPY", "1m", False),
    ]
    assert listing.damaged == ()
    assert listing.holdings[2] == Holding.of(make("SPY", "1m"))


def test_a_damaged_file_is_told_in_the_list_and_hides_no_other(library: BarsLibrary) -> None:
    library.save(make("QQQ"))
    library.save(make("SPY")).write_bytes(b"PAR1")
    listing = library.list()
    assert [holding.symbol for holding in listing.holdings] == ["QQQ"]
    assert [error.where for error in listing.damaged] == [str(library.path("SPY", "5m"))]
    with pytest.raises(CorruptStore):
        library.load("SPY")
    with pytest.raises(CorruptStore):
        library.save(make("SPY"))
    library.save(make("SPY"), replace=True)
    assert_same(library.load("SPY"), make("SPY"))


def test_a_file_of_another_format_is_told_in_the_list_and_hides_no_other(library: BarsLibrary) -> None:
    library.save(make("QQQ"))
    path = library.save(make("SPY"))
    table = pyarrow.parquet.read_table(path)
    fields = json.loads(table.schema.metadata[b"sentio"]) | {"format": 2}
    edited = table.replace_schema_metadata({b"sentio": json.dumps(fields).encode()})
    pyarrow.parquet.write_table(edited, path)
    listing = library.list()
    assert [holding.symbol for holding in listing.holdings] == ["QQQ"]
    assert [error.found for error in listing.damaged] == ["has format 2; this Sentio reads 1"]


@pytest.mark.parametrize("copy", ["5m/SPY.parquet", "1m/QQQ.parquet"])
def test_a_file_copied_to_another_place_is_refused(library: BarsLibrary, copy: str) -> None:
    original = library.save(make())
    other = library.workspace.bars / copy
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(original.read_bytes())
    with pytest.raises(CorruptStore, match="holds bars of QQQ at 5m"):
        library.load(other.stem, other.parent.name)
    assert len(library.list().damaged) == 1


def test_a_parquet_file_of_somebody_else_in_the_place_of_bars_is_refused(library: BarsLibrary) -> None:
    path = library.save(make())
    pyarrow.parquet.write_table(make().to_arrow(), path)
    with pytest.raises(CorruptStore, match="not written by Sentio"):
        library.load("QQQ")


def test_no_flipped_byte_changes_what_is_loaded(library: BarsLibrary) -> None:
    # A byte of the Parquet container may be without meaning (a writer's name); then the bars are the same.
    bars = make(count=8)
    data = encode(bars)
    noticed = 0
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << (place % 8)
        try:
            loaded = decode("flipped", bytes(flipped))
        except (CorruptStore, BarsError):
            loaded = None
        if loaded is None:
            noticed += 1
        else:
            assert_same(loaded, bars)
    assert noticed > 0.5 * len(data)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"source": "better.csv"}, CorruptStore, "metadata are not those"),
        ({"simulated": True}, CorruptStore, "metadata are not those"),
        ({"more": 1}, CorruptStore, "metadata are not those"),
        ({"format": 2}, BarsError, "has format 2; this Sentio reads 1"),
        ({"seal": None}, CorruptStore, "metadata are not those"),
    ],
)
def test_metadata_that_somebody_edited_are_refused(
    tmp_path: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    table = pyarrow.parquet.read_table(_write(tmp_path / "a.parquet", encode(make())))
    fields = json.loads(table.schema.metadata[b"sentio"]) | change
    edited = table.replace_schema_metadata({b"sentio": json.dumps(fields).encode()})
    pyarrow.parquet.write_table(edited, tmp_path / "b.parquet")
    with pytest.raises(error, match=message):
        read_bars(tmp_path / "b.parquet")


def test_bars_that_somebody_edited_are_refused(tmp_path: Path) -> None:
    table = pyarrow.parquet.read_table(_write(tmp_path / "a.parquet", encode(make())))
    edited = table.set_column(5, "volume", pyarrow.compute.add(table["volume"], 1.0))
    pyarrow.parquet.write_table(edited, tmp_path / "b.parquet")
    with pytest.raises(CorruptStore, match="bars are not those that were written"):
        read_bars(tmp_path / "b.parquet")


def test_a_place_that_cannot_be_written_is_a_resource_error(library: BarsLibrary) -> None:
    library.workspace.bars.parent.mkdir(parents=True)
    library.workspace.bars.write_text("a file in the way")
    with pytest.raises(ResourceError):
        library.save(make())


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
