"""The bars of a workspace: one verified Parquet file for each symbol and interval below data/bars."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from sentio.bars.contract import check_symbol, is_symbol
from sentio.bars.interval import Interval
from sentio.bars.model import Bars
from sentio.bars.parquet import Holding, decode, encode, read_holding
from sentio.errors import BarsError, CorruptStore, UsageError, refusals
from sentio.store import write_file
from sentio.workspace import Workspace

__all__ = ["BarsLibrary", "Listing"]

_SUFFIX = ".parquet"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a library holds by its files' own metadata, and the errors of files that cannot be read.

    Attributes:
        holdings: in the order of symbol and interval.
        damaged: `CorruptStore`, or `BarsError` where the file has a format of another Sentio.
    """

    holdings: tuple[Holding, ...]
    damaged: tuple[CorruptStore | BarsError, ...]


@dataclass(frozen=True, slots=True)
class BarsLibrary:
    """The bars kept in a workspace, at data/bars/INTERVAL/SYMBOL.parquet."""

    workspace: Workspace

    def path(self, symbol: str, interval: str) -> Path:
        """Where bars are or would be kept.

        Raises:
            UsageError: the symbol or the interval is not one.
        """
        check_symbol(symbol)
        return self.workspace.bars / str(Interval.parse(interval)) / f"{symbol}{_SUFFIX}"

    def save(self, bars: Bars, *, replace: bool = False) -> Path:
        """Keep bars, whole or not at all.

        Args:
            bars: they must have a symbol.
            replace: put them in the place of bars of the same symbol and interval. Simulated bars never
                take the place of real ones, nor real ones that of simulated.

        Returns:
            The file.

        Raises:
            UsageError: there are such bars already, and they are not to be replaced.
            CorruptStore: those that are there are damaged, and not to be replaced.
            ResourceError: the disk is full or the place cannot be written.
        """
        path = self.path(bars.symbol, bars.interval)
        if path.exists():
            self._refuse(path, bars, replace)
        write_file(path, encode(bars))
        return path

    def holds(self, bars: Bars) -> bool:
        """Whether the library keeps exactly these bars, with all that is said of them.

        Raises:
            CorruptStore: bars of this symbol and interval are there, but damaged.
        """
        if not self.path(bars.symbol, bars.interval).exists():
            return False
        return Holding.of(self.load(bars.symbol, bars.interval)) == Holding.of(bars)

    def load(self, symbol: str, interval: str | None = None) -> Bars:
        """Bars, their hash recomputed.

        Args:
            symbol: such as "QQQ".
            interval: such as "5m"; None takes the only one there is.

        Raises:
            BarsError: there are no such bars.
            UsageError: the interval is left out and there are several.
            CorruptStore: the file is no longer what was written, or was written for another place.
        """
        path = self._find(symbol, interval)
        with refusals(path):
            data = path.read_bytes()
        bars = decode(str(path), data)
        if bars is None:
            raise _foreign(path)
        self._check_place(path, Holding.of(bars))
        return bars

    def holding(self, symbol: str, interval: str | None = None) -> Holding:
        """What the file of some bars says that it holds; its metadata are checked, the bars are not read.

        Args:
            symbol, interval: as for `load`.

        Raises:
            BarsError, UsageError, CorruptStore: as `load`.
        """
        return self._holding(self._find(symbol, interval))

    def remove(self, symbol: str, interval: str | None = None) -> Path:
        """Delete bars; what was made from them stays.

        Args:
            symbol, interval: as for `load`.

        Returns:
            The file that was deleted.

        Raises:
            BarsError: there are no such bars.
            UsageError: the interval is left out and there are several.
        """
        path = self._find(symbol, interval)
        with refusals(path):
            path.unlink()
        return path

    def list(self) -> Listing:
        """Everything the library holds, in the order of symbol and interval, without reading the bars."""
        holdings: list[Holding] = []
        damaged: list[CorruptStore | BarsError] = []
        for path in _files(self.workspace.bars):
            try:
                holdings.append(self._holding(path))
            except (CorruptStore, BarsError) as error:
                damaged.append(error)
        holdings.sort(key=lambda holding: (holding.symbol, Interval.parse(holding.interval)))
        return Listing(tuple(holdings), tuple(damaged))

    def symbols(self, interval: str | None = None) -> tuple[str, ...]:
        """The symbols of which there are bars, at one interval or at any, damaged ones included."""
        wanted = None if interval is None else str(Interval.parse(interval))
        files = _files(self.workspace.bars)
        return tuple(sorted({path.stem for path in files if wanted in (None, path.parent.name)}))

    def intervals(self, symbol: str) -> tuple[str, ...]:
        """The intervals of which there are bars of a symbol, the shortest first."""
        check_symbol(symbol)
        found = [path.parent.name for path in _files(self.workspace.bars) if path.stem == symbol]
        return tuple(sorted(found, key=Interval.parse))

    def _find(self, symbol: str, interval: str | None) -> Path:
        there = self.intervals(symbol)
        if interval is None and len(there) > 1:
            raise UsageError(
                f"bars of {symbol}",
                f"there are several intervals: {', '.join(there)}",
                hint=f"name one, such as --interval {there[0]}",
            )
        wanted = str(Interval.parse(interval)) if interval is not None else there[0] if there else ""
        if wanted not in there:
            found = f"there are only bars of {', '.join(there)}" if there else "there are none"
            name, option = (f" at {wanted}", f" --interval {wanted}") if wanted else ("", "")
            commands = (f"data import FILE --symbol {symbol}{option}", f"data synth {symbol}{option}")
            hint = ", or ".join(f"sentio {command}" for command in commands)
            raise BarsError(f"bars of {symbol}{name}", found, hint=hint)
        return self.path(symbol, wanted)

    def _refuse(self, path: Path, bars: Bars, replace: bool) -> None:
        """Raise unless `bars` may take the place of what is at `path`."""
        name = f"bars of {bars.symbol} at {bars.interval}"
        try:
            simulated = self._holding(path).simulated
        except CorruptStore:
            if replace:  # nothing can be told of what is there, and there is nothing to lose
                return
            raise
        if simulated != bars.simulated:
            kinds = ("simulated", "real") if simulated else ("real", "simulated")
            raise UsageError(
                name,
                f"those that are there are {kinds[0]}, these are {kinds[1]}; the two never mix",
                hint=f"sentio data remove {bars.symbol} --interval {bars.interval}",
            )
        if not replace:
            raise UsageError(name, "are there already", hint="--replace puts these in their place")

    def _holding(self, path: Path) -> Holding:
        with pa.OSFile(str(path)) as source:
            holding = read_holding(str(path), source)
        if holding is None:
            raise _foreign(path)
        self._check_place(path, holding)
        return holding

    def _check_place(self, path: Path, holding: Holding) -> None:
        if path != self.path(holding.symbol, holding.interval):
            found = f"holds bars of {holding.symbol} at {holding.interval}, which have another place"
            raise CorruptStore(str(path), found, hint="import the file instead of copying it")


def _files(folder: Path) -> list[Path]:
    """Files in the places of bars; whatever else lies there is not ours."""
    files = folder.glob(f"*/*{_SUFFIX}")
    return sorted(path for path in files if is_symbol(path.stem) and _is_interval(path.parent.name))


def _foreign(path: Path) -> CorruptStore:
    return CorruptStore(
        str(path),
        "is damaged, or was not written by Sentio",
        hint="delete it, and import or simulate the bars again",
    )


def _is_interval(text: str) -> bool:
    try:
        return str(Interval.parse(text)) == text
    except UsageError:
        return False
