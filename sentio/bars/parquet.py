"""Bars as Sentio keeps them: a Parquet file whose metadata says what it holds, under two hashes.

The columns are `ts` (timestamp[ns, UTC]), open, high, low, close, volume (double). The schema's metadata has
the key `sentio`: a JSON object with the fields of `Holding`, where `bars_hash` is `Bars.hash` and `seal` the
SHA-256 of the object without `seal`, as JSON with sorted keys, no blanks and ASCII only. Both are recomputed
when bars are read. Forbidden: other columns, missing values, unknown fields.
"""

from __future__ import annotations

import hashlib
import json

import pyarrow as pa
import pyarrow.parquet
from pydantic import BaseModel, ConfigDict, ValidationError

from sentio.bars.contract import COLUMNS
from sentio.bars.model import Bars
from sentio.errors import BarsError, CorruptStore, UsageError

__all__ = ["FORMAT", "Holding", "decode", "encode", "read_holding"]

FORMAT = 1
_KEY = b"sentio"
# What Arrow raises on a damaged file; a column's name that is no longer UTF-8 passes through undressed.
_UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)
_HINT = "import or simulate these bars again, with --replace"


class Holding(BaseModel):
    """What a file of bars says that it holds; see `Bars` for the fields of the same name."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: int
    symbol: str
    interval: str
    rows: int
    first: int | None
    """The first bar's open in UTC nanoseconds; None where there are no bars."""
    last: int | None
    """The last bar's open in UTC nanoseconds."""
    simulated: bool
    timezone: str
    adjustment: str
    source: str
    source_hash: str
    planted: dict[str, float] | None
    bars_hash: str

    @classmethod
    def of(cls, bars: Bars) -> Holding:
        """What a file of these bars will say."""
        return cls(
            format=FORMAT,
            symbol=bars.symbol,
            interval=bars.interval,
            rows=len(bars),
            first=int(bars.ts[0]) if len(bars) else None,
            last=int(bars.ts[-1]) if len(bars) else None,
            simulated=bars.simulated,
            timezone=bars.timezone,
            adjustment=bars.adjustment,
            source=bars.source,
            source_hash=bars.source_hash,
            planted=None if bars.planted is None else dict(bars.planted),
            bars_hash=bars.hash,
        )


def encode(bars: Bars) -> bytes:
    """Bars as the bytes of a Parquet file."""
    fields = Holding.of(bars).model_dump()
    text = json.dumps(fields | {"seal": _seal(fields)}, sort_keys=True, allow_nan=False)
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(
        bars.to_arrow().replace_schema_metadata({_KEY: text.encode()}),
        sink,
        compression="zstd",
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


def decode(where: str, data: bytes) -> Bars | None:
    """Bars from the bytes of a file, all hashes recomputed; None where it is no bars file of Sentio's.

    Raises:
        CorruptStore: the file is no longer what was written.
        BarsError: the file has a format of another Sentio.
    """
    file = _open(pa.BufferReader(data))
    holding = _holding(where, file)
    if file is None or holding is None:
        return None
    try:
        table = file.read()
        columns = {name: table.column(name) for name in ("ts", *COLUMNS)}
        if any(column.null_count for column in columns.values()):
            raise CorruptStore(where, "is damaged: values are missing", hint=_HINT)
        bars = Bars(
            symbol=holding.symbol,
            interval=holding.interval,
            ts=columns.pop("ts").cast(pa.int64()).to_numpy(),
            **{name: column.to_numpy() for name, column in columns.items()},
            simulated=holding.simulated,
            timezone=holding.timezone,
            adjustment=holding.adjustment,
            source=holding.source,
            source_hash=holding.source_hash,
            planted=holding.planted,
        )
    except (*_UNREADABLE, KeyError, BarsError, UsageError) as error:
        raise CorruptStore(where, f"is damaged: {' '.join(str(error).split())}", hint=_HINT) from None
    if Holding.of(bars) != holding:
        raise CorruptStore(where, "is damaged: its bars are not those that were written", hint=_HINT)
    return bars


def read_holding(where: str, source: pa.NativeFile) -> Holding | None:
    """What a file says that it holds, without reading its bars; None where it is no bars file of Sentio's.

    Raises:
        CorruptStore: the metadata are no longer what was written.
        BarsError: the file has a format of another Sentio.
    """
    return _holding(where, _open(source))


def _open(source: pa.NativeFile) -> pyarrow.parquet.ParquetFile | None:
    try:
        return pyarrow.parquet.ParquetFile(source, page_checksum_verification=True)
    except _UNREADABLE:
        return None


def _holding(where: str, file: pyarrow.parquet.ParquetFile | None) -> Holding | None:
    text = None if file is None else (file.schema_arrow.metadata or {}).get(_KEY)
    if text is None:
        return None
    try:
        fields = json.loads(text)
        seal = fields.pop("seal")
        if fields["format"] != FORMAT:
            raise BarsError(where, f"has format {fields['format']}; this Sentio reads {FORMAT}")
        if seal != _seal(fields):
            raise CorruptStore(where, "is damaged: its metadata are not those that were written", hint=_HINT)
        return Holding.model_validate(fields)
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
        raise CorruptStore(where, "is damaged: its metadata cannot be read", hint=_HINT) from None


def _seal(fields: dict[str, object]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
