"""Linting a spec on bars: features that tell nothing, tell it twice, or will mean something else tomorrow."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentio.bars import PRICE_MAX, VOLUME_MAX, Bars, session_starts
from sentio.errors import BarsError, UsageError
from sentio.features import FeatureEngine, Matrix
from sentio.specs import FeatureSpec

__all__ = [
    "MIN_ROWS",
    "RULES",
    "Finding",
    "Rule",
    "Thresholds",
    "correlation_matrix",
    "lint",
    "population_stability",
]

MIN_ROWS = 1000  # fewer would hardly fill the bins of the two halves
BINS = 10
# Two samples of m independent values of one distribution have a PSI of 2 / m times a chi-squared figure of
# BINS - 1 degrees (Yurdakul, Statistical Properties of Population Stability Index, 2018): what is beyond its
# mean by less than so many deviations is chance.
_BEYOND_CHANCE = 3.0

_BLOCK_VALUES = 1 << 22  # values at work at a time, 32 MB of doubles


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on a feature is reported.

    Args:
        rho: two features are near-duplicates where the size of their correlation (Pearson) is above it.
        neutral: a feature is mostly neutral where one value fills a larger share of the rows, 0.5 to 1.
        psi: a feature drifts where the population stability index between the history's halves is above it;
            0.25 is the usual sign of a changed population (Siddiqi, Credit Risk Scorecards, 2006).

    Raises:
        UsageError: a threshold is out of its range.
    """

    rho: float = 0.999
    neutral: float = 0.95
    psi: float = 0.25

    def __post_init__(self) -> None:
        bounds = {"rho": (0.0, 1.0), "neutral": (0.5, 1.0), "psi": (0.0, np.inf)}
        for name, (low, high) in bounds.items():
            if not low <= (value := getattr(self, name)) <= high:
                raise UsageError(name, f"{value} is outside [{low:g}, {high:g}]")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a feature.

    Attributes:
        feature: its name.
        rule: the name of the rule that it breaks, one of `RULES`.
        fails: whether a spec with it fails; else it is a warning.
        found: the figures.
        advice: what to do.
    """

    feature: str
    rule: str
    fails: bool
    found: str
    advice: str


def lint(
    spec: FeatureSpec,
    bars: Bars,
    thresholds: Thresholds | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[Finding, ...]:
    """Hold every emitted feature against all rules.

    Memory is twice that of the features' matrix and some squares of features. Rows before the first valid
    one are not looked at.

    Args:
        spec: what to lint.
        bars: the history on which to look.
        thresholds: from where on a feature is reported; None: the usual ones.
        progress: told the name of each rule that is done.

    Returns:
        The findings in the order of `RULES`, then of the features.

    Raises:
        BarsError: the bars give fewer than MIN_ROWS valid rows.
    """
    table = _Table.compute(spec, bars)
    findings = []
    for rule in RULES:
        for column, found in rule.check(table, thresholds or Thresholds()):
            findings.append(Finding(table.names[column], rule.name, rule.fails, found, rule.advice))
        if progress is not None:
            progress(rule.name)
    return tuple(findings)


def correlation_matrix(columns: Matrix) -> NDArray[np.float64]:
    """Pearson's correlation of each two columns, by blocks of rows.

    The two-pass algorithm with its correction (Chan, Golub and LeVeque, Algorithms for Computing the Sample
    Variance, 1983), each column scaled by its largest deviation so that no square underflows.

    Args:
        columns: [F, N] of F columns, none of them constant.

    Returns:
        [F, F], ones on its diagonal.
    """
    mean = columns.mean(axis=1, dtype=np.float64, keepdims=True)
    reach = np.maximum(columns.max(1, keepdims=True) - mean, mean - columns.min(1, keepdims=True))
    size, rows = columns.shape
    products, sums = np.zeros((size, size)), np.zeros(size)
    step = max(1, _BLOCK_VALUES // size)
    for first in range(0, rows, step):
        deviations = (columns[:, first : first + step] - mean) / reach
        products += deviations @ deviations.T
        sums += deviations.sum(axis=1)
    products -= np.outer(sums, sums) / rows
    deviation = np.sqrt(products.diagonal())
    correlations: NDArray[np.float64] = products / np.outer(deviation, deviation)
    return correlations


def population_stability(before: Matrix, after: Matrix) -> float:
    """The population stability index: how far a distribution has moved, 0 where it has not.

    The sum over bins of (q - p) log(q / p), with p and q the shares of either sample, in BINS bins of equal
    share of the first; equal bounds, as of a feature with few values, are one. Half a row is added to each
    bin, so that an empty one is no infinity (Jeffreys' prior).

    Args:
        before, after: values of one feature, [N] and [M].
    """
    bounds = np.unique(np.quantile(before, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    shares = []
    for part in (before, after):
        counts = np.bincount(np.searchsorted(bounds, part), minlength=len(bounds) + 1) + 0.5
        shares.append(counts / counts.sum())
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


@dataclass(frozen=True)
class _Table:
    """The features of some bars, and what several rules ask of them.

    Attributes:
        columns: [F, N], the valid rows of each feature.
        changed: for each change of units in words, the number of rows in which each feature changes with it.
        sees_session_start: whether a session starts after the first bar.
    """

    spec: FeatureSpec
    columns: Matrix
    changed: Mapping[str, NDArray[np.int64]]
    sees_session_start: bool

    @classmethod
    def compute(cls, spec: FeatureSpec, bars: Bars) -> _Table:
        """Run the engine on the bars and, beside it, on the same bars in other units."""
        rows = len(bars) - spec.first_valid_row
        if rows < MIN_ROWS:
            raise BarsError(
                f"bars of {bars.symbol} at {bars.interval}",
                f"{len(bars)} bars give {max(rows, 0)} valid rows of {spec.name}; "
                f"linting needs {MIN_ROWS}, {spec.first_valid_row + MIN_ROWS} bars",
            )
        engine = FeatureEngine(spec)
        others = {unit: (FeatureEngine(spec), scaled) for unit, scaled in _in_other_units(bars).items()}
        columns = np.empty((spec.n_features, rows), spec.dtype)
        changed = {unit: np.zeros(spec.n_features, np.int64) for unit in others}
        bits = f"u{columns.itemsize}"
        step = max(1, _BLOCK_VALUES // spec.n_features)
        for first in range(0, len(bars), step):
            block = slice(first, first + step)
            row = max(0, first - spec.first_valid_row)
            valid = slice(max(0, spec.first_valid_row - first), None)
            values = engine.compute(bars[block])[valid]
            columns[:, row : row + len(values)] = values.T
            for unit, (other, scaled) in others.items():
                differ = other.compute(scaled[block])[valid].view(bits) != values.view(bits)
                changed[unit] += np.count_nonzero(differ, axis=0)
        return cls(spec, columns, changed, bool(session_starts(bars.ts, spec.session_gap)[1:].any()))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The features' names: asking the plan costs as much as there are features."""
        return self.spec.names

    @cached_property
    def varying(self) -> list[int]:
        """The columns that are not constant."""
        return np.flatnonzero(self.columns.min(axis=1) != self.columns.max(axis=1)).tolist()

    @cached_property
    def first_alike(self) -> list[int]:
        """For each column the first one with its bits, which is itself where there is none before."""
        first: dict[bytes, int] = {}
        digests = (hashlib.sha256(column.data).digest() for column in self.columns)
        return [first.setdefault(digest, place) for place, digest in enumerate(digests)]

    @property
    def distinct(self) -> list[int]:
        """The columns that are neither constant nor the bits of an earlier one."""
        return [place for place in self.varying if self.first_alike[place] == place]


_Found = Iterator[tuple[int, str]]


def _in_other_units(bars: Bars) -> dict[str, Bars]:
    """Powers of two, by which a product is exact: whatever means the same in any unit keeps its bits."""
    price = 4.0 if bars.high.max() * 4.0 <= PRICE_MAX else 0.25
    volume = 8.0 if bars.volume.max() * 8.0 <= VOLUME_MAX else 0.125
    prices = {name: getattr(bars, name) * price for name in ("open", "high", "low", "close")}
    return {
        f"prices times {price:g}": replace(bars, **prices),
        f"volumes times {volume:g}": replace(bars, volume=bars.volume * volume),
    }


def _constant(table: _Table, _: Thresholds) -> _Found:
    varying = set(table.varying)
    for place, column in enumerate(table.columns):
        if place not in varying:
            yield place, f"is {column[0]:g} in all {len(column):,} rows"


def _duplicate(table: _Table, _: Thresholds) -> _Found:
    nodes = table.spec.plan.emitted
    for place in table.varying:
        first = table.first_alike[place]
        if first != place:
            how = "is the same node of the plan" if nodes[first] == nodes[place] else "has the same bits"
            yield place, f"{how} as {table.names[first]}"


def _near_duplicate(table: _Table, thresholds: Thresholds) -> _Found:
    """Each feature beside the first earlier one that it resembles so much."""
    places = table.distinct
    if len(places) < 2:
        return
    rho = correlation_matrix(table.columns[places])
    for k in range(1, len(places)):
        alike = np.flatnonzero(np.abs(rho[k, :k]) > thresholds.rho)
        if alike.size:
            name = table.names[places[alike[0]]]
            others = f", as with {alike.size - 1} more" if alike.size > 1 else ""
            yield places[k], f"correlates with {name}, rho {rho[k, alike[0]]:.6f}{others}"


def _scale_dependent(table: _Table, _: Thresholds) -> _Found:
    rows = table.columns.shape[1]
    for place in range(table.spec.n_features):
        shares = {unit: counts[place] / rows for unit, counts in table.changed.items() if counts[place]}
        if shares:
            told = ", ".join(f"{unit}: {share:.1%} of rows" for unit, share in shares.items())
            yield place, f"changes with the unit ({told})"


def _mostly_neutral(table: _Table, thresholds: Thresholds) -> _Found:
    """A value that fills more than half of the rows is their median."""
    middle = table.columns.shape[1] // 2
    for place in table.varying:
        column = table.columns[place]
        value = np.partition(column, middle)[middle]
        share = np.count_nonzero(column == value) / len(column)
        if share > thresholds.neutral:
            yield place, f"is {value:g} in {share:.2%} of rows"


def _drifting(table: _Table, thresholds: Thresholds) -> _Found:
    middle = table.columns.shape[1] // 2
    for place, feature in enumerate(table.spec.features):
        column = table.columns[place]
        before, after = column[:middle], column[middle:]
        psi = population_stability(before, after)
        # Neighbours share their windows, and a value may stand for a session: no more are independent than
        # windows fit, nor than there are changes.
        changes = float(np.count_nonzero(column[1:] != column[:-1]) + 1)
        independent = min(len(column) / (feature.warmup + 1), changes) / 2
        chance = 2 / independent * (BINS - 1 + _BEYOND_CHANCE * math.sqrt(2 * (BINS - 1)))
        if psi > max(thresholds.psi, chance):
            medians = f"median {np.median(before):.4g}, then {np.median(after):.4g}"
            yield place, f"PSI {psi:.2f} between the halves of the history ({medians})"


def _no_settle(table: _Table, _: Thresholds) -> _Found:
    """With the nodes of the plan that never forget, whatever else reads them."""
    plan = table.spec.plan
    nodes = plan.nodes
    for place, (node, _output) in enumerate(plan.emitted):
        if nodes[node]["settle"] is not None:
            continue
        endless: set[str] = set()
        seen, waiting = {node}, [node]
        while waiting:
            reader = nodes[waiting.pop()]
            read = {each for each, _output in reader["inputs"] if nodes[each]["settle"] is None}
            waiting += read - seen
            seen |= read
            if not read:
                endless.add(reader["kernel"])
        names = " and ".join(sorted(endless))
        yield place, f"{names} remember{'' if len(endless) > 1 else 's'} all bars: no cold start ever agrees"


def _no_session_start(table: _Table, _: Thresholds) -> _Found:
    if table.sees_session_start:
        return
    for name in table.spec.features_of_sessions:
        yield table.names.index(name), "depends on where sessions start, and none starts after the first bar"


@dataclass(frozen=True, slots=True)
class Rule:
    """What features are held against.

    Attributes:
        name: as findings name it.
        fails: whether a spec that breaks it fails; else it is a warning.
        meaning: what breaks it.
        advice: what to do then.
    """

    name: str
    fails: bool
    meaning: str
    advice: str
    check: Callable[[_Table, Thresholds], Any]


RULES = (
    Rule("constant", True, "one value in all valid rows", "leave it out: it tells nothing", _constant),
    Rule("duplicate", True, "the bits of an earlier feature", "leave one of the two out", _duplicate),
    Rule(
        "near-duplicate",
        True,
        "|Pearson rho| with an earlier feature above --rho",
        "leave one of the two out, or take their difference",
        _near_duplicate,
    ),
    Rule(
        "scale-dependent",
        True,
        "other bits for prices times 4 or volumes times 8",
        "divide by a price, a mean volume or a volatility: see the spec tfa",
        _scale_dependent,
    ),
    Rule(
        "mostly-neutral",
        False,
        "one value in a larger share of rows than --neutral",
        "take a longer window, or leave it out",
        _mostly_neutral,
    ),
    Rule(
        "drifting",
        False,
        "population stability index between the history's halves above --psi",
        "divide by its own rolling mean or deviation, or train on the newer bars",
        _drifting,
    ),
    Rule(
        "no-settle",
        False,
        "no number of bars after which a cold start agrees with the long run",
        "start live engines from a saved state, or take a windowed op",
        _no_settle,
    ),
    Rule(
        "no-session-start",
        False,
        "a feature of sessions, on bars without a start of one: a cold start never agrees with the long run",
        "give the spec a `session_gap` that these bars have, start from a saved state, or leave it out",
        _no_session_start,
    ),
)
