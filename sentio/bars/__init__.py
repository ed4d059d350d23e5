"""Bars: the value and its contract, reading them, keeping them, simulating them."""

from sentio.bars.contract import ADJUSTMENTS, PRICE_MAX, PRICE_MIN, VOLUME_MAX
from sentio.bars.interval import Interval
from sentio.bars.library import BarsLibrary, Listing
from sentio.bars.model import Bars, require_bars
from sentio.bars.parquet import Holding
from sentio.bars.reader import Reading, ReadOptions, read_bars, read_file
from sentio.bars.sessions import DEFAULT_SESSION_GAP, session_numbers, session_starts
from sentio.bars.summary import Summary, summarize
from sentio.bars.synth import Simulated, synthesize
from sentio.bars.table import SUFFIXES

__all__ = [
    "ADJUSTMENTS",
    "DEFAULT_SESSION_GAP",
    "PRICE_MAX",
    "PRICE_MIN",
    "SUFFIXES",
    "VOLUME_MAX",
    "Bars",
    "BarsLibrary",
    "Holding",
    "Interval",
    "Listing",
    "ReadOptions",
    "Reading",
    "Simulated",
    "Summary",
    "read_bars",
    "read_file",
    "require_bars",
    "session_numbers",
    "session_starts",
    "summarize",
    "synthesize",
]
