"""The C interface by ctypes: its structs, and what the tests of it share."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TypeVar

import pytest

from sentio.bars import Bars

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
LIBRARY = BUILD / "libsentio.so"
needs_library = pytest.mark.skipif(
    not LIBRARY.exists(), reason="needs build/libsentio.so, which `make runtime` builds"
)

OK, BAD_ARGUMENT, BAD_BUNDLE, MISSING, UNSUPPORTED, SYSTEM = 0, 1, 5, 7, 8, 9
PREDICTED, HIGH_LOW = 0, 20
CLASSES = 3
MOST_OUTPUTS = 16
FIVE_MINUTES = 300 * 10**9


class Options(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("interval_ns", ctypes.c_int64),
        ("record", ctypes.c_char_p),
    )


class LoadOptions(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("backend", ctypes.c_char_p),
        ("trusted_key", ctypes.c_char_p),
    )


class Span(ctypes.Structure):
    _fields_ = (("rows", ctypes.c_int64), ("first_ts", ctypes.c_int64), ("last_ts", ctypes.c_int64))


class Bar(ctypes.Structure):
    _fields_ = (
        ("ts", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("open", "high", "low", "close", "volume")),
    )


class Outcome(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("status", ctypes.c_int32),
        ("value", ctypes.c_double),
        ("probability", ctypes.c_double),
        ("kind", ctypes.c_int32),
        ("n_outputs", ctypes.c_uint32),
        ("horizon", ctypes.c_int64),
        ("bar_ts", ctypes.c_int64),
        ("values", ctypes.c_double * MOST_OUTPUTS),
        ("probabilities", ctypes.c_double * MOST_OUTPUTS),
        *((name, ctypes.c_char_p) for name in ("model_id", "version", "bundle_id")),
    )


class BundleInfo(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("simulated", ctypes.c_int32),
        *(
            (n, ctypes.c_char_p)
            for n in ("bundle_id", "model_id", "version", "symbol", "interval", "backend")
        ),
        *((name, ctypes.c_int64) for name in ("interval_ns", "seq_len", "n_features", "horizon")),
        ("kind", ctypes.c_int32),
        ("windows_cross_sessions", ctypes.c_int32),
        ("n_outputs", ctypes.c_int64),
        *((name, ctypes.c_char_p) for name in ("created_at", "spec_hash", "label")),
        ("tolerance", ctypes.c_double),
        *((name, ctypes.c_int64) for name in ("first_valid_row", "settle", "session_gap_ns")),
        *((name, Span) for name in ("train", "validation", "test")),
    )


class Range(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("min", ctypes.c_double),
        ("deciles", ctypes.c_double * 9),
        ("max", ctypes.c_double),
        ("counts", ctypes.c_int64 * 10),
    )


class Drift(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("rows", ctypes.c_int64),
        ("below_min", ctypes.c_int64),
        ("above_max", ctypes.c_int64),
        ("bins", ctypes.c_int64 * 10),
        ("out_of_range", ctypes.c_double),
        ("psi", ctypes.c_double),
    )


Struct = TypeVar("Struct", bound=ctypes.Structure)


def sized(struct: type[Struct], **fields: object) -> Struct:
    """A struct that carries its size."""
    return struct(struct_size=ctypes.sizeof(struct), **fields)


def bars_of(bars: Bars) -> list[Bar]:
    return [Bar(ts, *row) for ts, row in zip(bars.ts.tolist(), bars.to_array().tolist(), strict=True)]


def open_library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(LIBRARY))
    for name in ("last_error", "backend_name", "bundle_backend_name", "bundle_feature_name"):
        getattr(library, f"sentio_{name}").restype = ctypes.c_char_p
    return library


def load(library: ctypes.CDLL, folder: Path) -> ctypes.c_void_p:
    """A handle of a bundle, to be freed."""
    handle = ctypes.c_void_p()
    assert library.sentio_bundle_load(str(folder).encode(), ctypes.byref(handle)) == OK
    return handle


def new_session(library: ctypes.CDLL, folder: Path, record: bytes | None = None) -> ctypes.c_void_p:
    """A session of five-minute bars; its bundle lives as long as it does."""
    session = ctypes.c_void_p()
    handle = load(library, folder)
    options = sized(Options, interval_ns=FIVE_MINUTES, record=record)
    assert library.sentio_session_new(handle, ctypes.byref(options), ctypes.byref(session)) == OK
    library.sentio_bundle_free(handle)
    return session
