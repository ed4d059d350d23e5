"""Simulated bars are the same each time, look like an index, and hide a signal of the strength they tell."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from sentio.bars import Simulated, session_starts, synthesize
from sentio.bars.synth import INTERVALS, LONGEST
from sentio.errors import UsageError

SEEDS = (7, 1, 2, 3)
COLUMNS = ("open", "high", "low", "close", "volume")
Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def minutes() -> dict[int, Simulated]:
    """120 days of one-minute bars for some seeds."""
    return {seed: synthesize("QQQ", "1m", 120, seed) for seed in SEEDS}


def by_session(simulated: Simulated, values: Floats) -> Floats:
    return values.reshape(int(session_starts(simulated.bars.ts).sum()), -1)


def returns(simulated: Simulated) -> Floats:
    """Log returns from close to close within each session, [D, 389]."""
    return np.diff(np.log(by_session(simulated, simulated.bars.close)), axis=1)


def autocorrelation(values: Floats, lag: int) -> float:
    """Of deviations from each minute's mean over all days, within days."""
    centred = values - values.mean(axis=0)
    return float(np.mean(centred[:, lag:] * centred[:, :-lag]) / np.mean(centred**2))


# What they are made of


def test_the_same_arguments_give_the_same_bits(minutes: dict[int, Simulated]) -> None:
    again = synthesize("QQQ", "1m", 120, 7)
    assert again.bars.hash == minutes[7].bars.hash
    assert again.bars.planted == minutes[7].bars.planted
    assert np.array_equal(again.expected[5], minutes[7].expected[5], equal_nan=True)


def test_another_seed_or_symbol_gives_other_bars() -> None:
    hashes = {synthesize(s, "1m", 2, seed).bars.hash for s in ("QQQ", "SPY") for seed in (0, 1, 2**40)}
    assert len(hashes) == 6


def test_fewer_days_are_the_beginning_of_more(minutes: dict[int, Simulated]) -> None:
    few, many = synthesize("QQQ", "1m", 30, 7).bars, minutes[7].bars
    assert few.hash == many[: 30 * 390].hash


@pytest.mark.parametrize("interval", INTERVALS[1:])
def test_longer_bars_are_aggregated_from_the_same_minutes(
    minutes: dict[int, Simulated], interval: str
) -> None:
    size = int(interval.removesuffix("m"))
    one = pd.DataFrame({name: getattr(minutes[7].bars, name) for name in ("ts", *COLUMNS)})
    expected = one.groupby(one.index // size).agg(
        {"ts": "first", "open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    )
    bars = synthesize("QQQ", interval, 120, 7).bars
    assert bars.interval == interval
    for name in ("ts", *COLUMNS):
        assert getattr(bars, name).tolist() == expected[name].tolist()


def test_sessions_run_from_0930_to_1600_in_new_york_on_both_sides_of_a_change_of_clocks(
    minutes: dict[int, Simulated],
) -> None:
    local = pd.to_datetime(minutes[7].bars.ts, utc=True).tz_convert(ZoneInfo("America/New_York"))
    clock = (local.hour * 60 + local.minute).to_numpy().reshape(120, 390)
    assert (clock == 570 + np.arange(390)).all()
    days = local.normalize().unique()
    assert len(days) == 120
    assert (days[0].isoformat()[:10], days[-1].isoformat()[:10]) == ("2024-01-02", "2024-06-24")
    # All weekdays from the first to the last but the published holidays of that time.
    closed = ["2024-01-15", "2024-02-19", "2024-03-29", "2024-05-27", "2024-06-19"]
    weekdays = pd.bdate_range("2024-01-02", "2024-06-24").difference(pd.DatetimeIndex(closed))
    assert [day.date() for day in days] == [day.date() for day in weekdays]
    assert {moment.utcoffset() for moment in days} == {pd.Timedelta(hours=-5), pd.Timedelta(hours=-4)}


def test_they_say_that_they_are_simulated_and_how(minutes: dict[int, Simulated]) -> None:
    bars = minutes[7].bars
    assert bars.simulated
    assert bars.source == "simulated: symbol QQQ, days 120, seed 7"
    assert (bars.timezone, bars.adjustment) == ("America/New_York", "raw")


def test_prices_are_whole_cents_and_volumes_whole_shares(minutes: dict[int, Simulated]) -> None:
    bars = minutes[7].bars
    for name in COLUMNS[:4]:
        prices = getattr(bars, name)
        assert np.array_equal(prices, np.round(prices, 2))
    assert np.array_equal(bars.volume, np.rint(bars.volume))
    assert bars.volume.min() >= 1
    assert abs(np.log(bars.open[0] / 400)) < 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("qqq",), "write QQQ"),
        (("QQQ", "1h"), "allowed is 1m, 2m, 3m, 5m"),
        (("QQQ", "1d"), "cannot be simulated"),
        (("QQQ", "soon"), "is not an interval"),
        (("QQQ", "1m", 0), r"0 is outside \[1, 1260\]"),
        (("QQQ", "1m", LONGEST + 1), "outside"),
        (("QQQ", "1m", 1, -1), "-1 is negative"),
    ],
)
def test_arguments_outside_of_what_is_allowed_are_usage_errors(
    arguments: tuple[str, str, int, int], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        synthesize(*arguments)


def test_a_single_day_can_be_simulated() -> None:
    assert len(synthesize("QQQ", "30m", 1).bars) == 13


# What they look like. The bounds are wide: they say "an index", not "this seed".


@pytest.mark.parametrize("seed", SEEDS)
def test_volatility_is_that_of_an_index_with_gaps_overnight(minutes: dict[int, Simulated], seed: int) -> None:
    close = by_session(minutes[seed], minutes[seed].bars.close)
    opened = by_session(minutes[seed], minutes[seed].bars.open)
    daily = np.diff(np.log(close[:, -1]))
    overnight = np.log(opened[1:, 0] / close[:-1, -1])
    assert 0.12 < daily.std() * np.sqrt(252) < 0.32
    assert 0.05 < overnight.std() * np.sqrt(252) < 0.15


@pytest.mark.parametrize("seed", SEEDS)
def test_volatility_and_volume_are_high_at_the_open_and_rise_to_the_close(
    minutes: dict[int, Simulated], seed: int
) -> None:
    for shape in (
        np.sqrt(np.mean(returns(minutes[seed]) ** 2, axis=0)),
        by_session(minutes[seed], minutes[seed].bars.volume).mean(axis=0),
    ):
        opening, noon, closing = shape[:15].mean(), shape[150:240].mean(), shape[-15:].mean()
        assert opening > 1.3 * closing > 1.3 * 1.2 * noon


@pytest.mark.parametrize("seed", SEEDS)
def test_volatility_clusters_and_returns_have_fat_tails(minutes: dict[int, Simulated], seed: int) -> None:
    moves = returns(minutes[seed])
    scaled = np.abs(moves) / np.sqrt(np.mean(moves**2, axis=0))  # without the daily pattern
    assert autocorrelation(scaled, 1) > 0.1
    assert autocorrelation(scaled, 60) > 0.05
    assert 5 < np.mean(moves**4) / np.mean(moves**2) ** 2 < 40  # a normal distribution has 3
    assert abs(autocorrelation(moves, 1)) < 0.08


@pytest.mark.parametrize("seed", SEEDS)
def test_volume_follows_volatility(minutes: dict[int, Simulated], seed: int) -> None:
    bars = minutes[seed].bars
    assert np.corrcoef(np.log(bars.volume), np.log(bars.high / bars.low))[0, 1] > 0.5


# What is planted


@pytest.mark.parametrize("interval", ["1m", "5m", "30m"])
@pytest.mark.parametrize("horizon", [1, 5])
def test_the_planted_figures_are_those_of_the_expectation_against_what_happened(
    interval: str, horizon: int
) -> None:
    simulated = synthesize("QQQ", interval, 60, 3)
    close = by_session(simulated, simulated.bars.close)
    ahead = np.full(close.shape, np.nan)
    ahead[:, :-horizon] = np.log(close[:, horizon:] / close[:, :-horizon])
    frame = pd.DataFrame({"expected": simulated.expected[horizon], "ahead": ahead.ravel()})
    assert (frame["expected"].isna() == frame["ahead"].isna()).all()
    planted, frame = simulated.bars.planted, frame.dropna()
    assert planted is not None
    # Sums in another order: agreement to rounding.
    assert planted[f"ic_{horizon}"] == pytest.approx(frame["expected"].corr(frame["ahead"]), abs=1e-12)
    ranked = frame["expected"].corr(frame["ahead"], method="spearman")
    assert planted[f"rank_ic_{horizon}"] == pytest.approx(ranked, abs=1e-12)
    moved = frame[frame["ahead"] != 0]
    area = roc_auc_score(moved["ahead"] > 0, moved["expected"])
    assert planted[f"auc_{horizon}"] == pytest.approx(area, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_signal_is_weak_but_there(minutes: dict[int, Simulated], seed: int) -> None:
    planted = minutes[seed].bars.planted
    assert planted is not None
    assert 0.05 < planted["ic_1"] < 0.10
    assert 0.04 < planted["rank_ic_1"] < 0.10
    assert 0.52 < planted["auc_1"] < 0.55


def test_the_expectation_is_unbiased(minutes: dict[int, Simulated]) -> None:
    for horizon, allowance in ((1, 0.0), (5, 0.15)):  # beyond one bar it is of the first order only
        expected = np.concatenate([s.expected[horizon].reshape(120, 390) for s in minutes.values()])
        close = np.concatenate([np.log(s.bars.close).reshape(120, 390) for s in minutes.values()])
        guess = expected[:, :-horizon].ravel()
        ahead = (close[:, horizon:] - close[:, :-horizon]).ravel()
        slope = np.sum(guess * ahead) / np.sum(guess**2)
        # Overlapping returns share `horizon` bars, so that only every horizon-th counts.
        error = np.sqrt(horizon * np.mean((ahead - slope * guess) ** 2) / np.sum(guess**2))
        assert abs(slope - 1) < 4 * error + allowance


def test_a_linear_model_on_public_features_finds_it(minutes: dict[int, Simulated]) -> None:
    found = []
    for simulated in minutes.values():
        bars = pd.DataFrame({name: getattr(simulated.bars, name) for name in COLUMNS})
        moves = np.log(bars["close"]).diff()
        location = (2 * bars["close"] - bars["high"] - bars["low"]) / (bars["high"] - bars["low"])
        flow = (location.fillna(0) * bars["volume"], bars["volume"])
        features = pd.DataFrame(
            {f"return_{k}": moves.rolling(k).sum() / moves.rolling(60).std() for k in (1, 2, 3, 5, 10)}
            | {f"flow_{k}": flow[0].rolling(k).sum() / flow[1].rolling(k).sum() for k in (1, 3, 5, 10, 20)}
        )
        ahead = np.log(bars["close"]).shift(-1) - np.log(bars["close"])
        known = features.notna().all(axis=1).to_numpy() & ~np.isnan(simulated.expected[1])
        x, y = features[known].to_numpy(), ahead[known].to_numpy()
        cut = int(0.7 * len(y))
        scaler = StandardScaler().fit(x[:cut])
        model = Ridge(100.0).fit(scaler.transform(x[:cut]), np.sign(y[:cut]))
        found.append(np.corrcoef(model.predict(scaler.transform(x[cut:])), y[cut:])[0, 1])
    # Each has a standard error of 1 / sqrt(14,000), so their mean one of 0.0042: this is seven of them.
    assert np.mean(found) > 0.03


def test_bars_so_few_that_all_rise_have_no_auc() -> None:
    bars = synthesize("QQQ", "30m", 1, 9).bars  # 13 bars, of which 8 are followed by 5 more
    assert (bars.close[5:] > bars.close[:-5]).all()
    assert bars.planted is not None
    assert set(bars.planted) == {"ic_1", "rank_ic_1", "auc_1", "ic_5", "rank_ic_5"}
    assert np.isfinite(list(bars.planted.values())).all()
