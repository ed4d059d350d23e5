"""A file of bars as named columns of cells, before anything is said about what the cells mean."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from sentio.bars.contract import COLUMNS, Int64s, list_rows
from sentio.errors import BarsError

__all__ = ["SUFFIXES", "SYMBOL_COLUMNS", "TIME_COLUMNS", "Table", "parse_table"]

TIME_COLUMNS = ("ts", "timestamp", "datetime", "date", "time", "ts_utc", "ts_nyt_epoch")
SYMBOL_COLUMNS = ("symbol", "ticker")

_TEXT = (".csv", ".tsv", ".txt")
_PARQUET = (".parquet", ".pq")
_FEATHER = (".feather", ".arrow")
SUFFIXES = (*_TEXT, *(f"{suffix}.gz" for suffix in _TEXT), *_PARQUET, *_FEATHER)

_KNOWN = (*TIME_COLUMNS, *SYMBOL_COLUMNS, *COLUMNS)
_DELIMITERS = ",\t;"
_HEADER_HINT = "the first line names the columns, such as: timestamp,open,high,low,close,volume"


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a file that have a meaning here.

    Args:
        columns: by lower-case name, each [N]: text, or the type that the file declares.
        rows: int64 [N], the data row of the file, from 1, that each cell came from.
        ignored: the file's other columns, as it names them.
        problems: a line for each kind of row that could not be cut into cells and is not among `rows`.
    """

    columns: dict[str, pa.Array]
    rows: Int64s
    ignored: tuple[str, ...]
    problems: tuple[str, ...]


def parse_table(where: str, data: bytes) -> Table:
    """Cut a file into columns, by the suffix of its name.

    Args:
        where: the file's name; its suffix says what it is (`SUFFIXES`).
        data: the file's bytes.

    Raises:
        BarsError: the file is not of its kind, or a column is missing or there twice.
    """
    lower = where.lower()
    if lower.endswith(_PARQUET + _FEATHER):
        return _from_arrow(where, data)
    if lower.endswith(".gz") and lower[:-3].endswith(_TEXT):
        try:
            return _from_text(where, gzip.decompress(data))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise BarsError(where, f"is not a whole gzip file: {error}") from None
    if lower.endswith(_TEXT):
        return _from_text(where, data)
    raise BarsError(where, f"is of a kind that is not known; allowed is {' '.join(SUFFIXES)}")


def _from_arrow(where: str, data: bytes) -> Table:
    try:
        if where.lower().endswith(_PARQUET):
            table = pyarrow.parquet.read_table(pa.BufferReader(data))
        else:
            table = pyarrow.feather.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise BarsError(where, f"cannot be read: {_one_line(error)}") from None
    chosen, ignored = _choose(where, table.column_names)
    columns = {known: table.column(index).combine_chunks() for known, index in chosen.items()}
    return Table(columns, np.arange(1, table.num_rows + 1), ignored, ())


def _from_text(where: str, data: bytes) -> Table:
    try:
        header_line = data.split(b"\n", 1)[0].decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError:
        raise BarsError(where, "is not UTF-8 text") from None
    if not header_line.strip():
        raise BarsError(where, "has no header line", hint=_HEADER_HINT)
    delimiter = max(_DELIMITERS, key=header_line.count)
    header = next(csv.reader([header_line], delimiter=delimiter))
    chosen, ignored = _choose(where, header)

    malformed: dict[int, list[int]] = {}

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        malformed.setdefault(row.actual_columns, []).append(row.number - 1)  # the header is number 1
        return "skip"

    places = [str(index) for index in range(len(header))]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(data),
            # One thread, because the rows are numbered in one thread alone.
            read_options=pyarrow.csv.ReadOptions(column_names=places, skip_rows=1, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=skip),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=[str(index) for index in chosen.values()],
                column_types={place: pa.string() for place in places},
            ),
        )
    except pa.ArrowException as error:
        raise BarsError(where, f"cannot be read as text: {_one_line(error)}") from None
    columns = {known: table.column(str(index)).combine_chunks() for known, index in chosen.items()}
    skipped = {cells: np.array(numbers, np.int64) for cells, numbers in sorted(malformed.items())}
    problems = [
        list_rows(f"{cells} cells under {len(header)} headings", numbers)
        for cells, numbers in skipped.items()
    ]
    every_row = np.arange(1, table.num_rows + sum(map(len, skipped.values())) + 1)
    rows = np.setdiff1d(every_row, [number for numbers in skipped.values() for number in numbers])
    return Table(columns, rows, ignored, tuple(problems))


def _choose(where: str, header: Sequence[str]) -> tuple[dict[str, int], tuple[str, ...]]:
    """The place of each column that is known, and the names of the others."""
    names = [name.strip().lower() for name in header]
    if not set(names) & set(_KNOWN):
        raise BarsError(
            where, f"has no header line: the first line is {','.join(header)[:80]!r}", hint=_HEADER_HINT
        )
    problems = [
        f"the column {name!r} is there {names.count(name)} times" for name in _KNOWN if names.count(name) > 1
    ]
    problems += [f"the column {name!r} is missing" for name in COLUMNS if name not in names]
    if not set(names) & set(TIME_COLUMNS):
        problems.append(f"no column of times; allowed is {', '.join(TIME_COLUMNS)}")
    if problems:
        found = ", ".join(header)
        raise BarsError(
            where, f"does not have the columns of bars: it has {found}", problems=problems, hint=_HEADER_HINT
        )
    chosen = {name: names.index(name) for name in names if name in _KNOWN}
    others = tuple(
        given or "(unnamed)" for given, name in zip(header, names, strict=True) if name not in chosen
    )
    return chosen, others


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
