"""Bundles by the C interface and ctypes: which backend runs, whom they are signed by, and what they say."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from bundles import make_bundle, walk
from c_library import (
    BAD_BUNDLE,
    BUILD,
    FIVE_MINUTES,
    MISSING,
    OK,
    PREDICTED,
    UNSUPPORTED,
    BundleInfo,
    LoadOptions,
    Options,
    Outcome,
    Range,
    bars_of,
    load,
    needs_library,
    open_library,
    sized,
)
from keys import write_keys

from sentio import load_bundle
from sentio.signature import load_signer

pytestmark = needs_library


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    """One that holds two backends, `native` first."""
    return make_bundle(tmp_path_factory.mktemp("c"), backends=("native", "torchscript"))


@pytest.fixture(scope="module")
def library():
    return open_library()


def load_with(library, folder: Path, **options: bytes) -> tuple[int, ctypes.c_void_p]:
    handle = ctypes.c_void_p()
    chosen = sized(LoadOptions, **options)
    result = library.sentio_bundle_load_with(str(folder).encode(), ctypes.byref(chosen), ctypes.byref(handle))
    return result, handle


def info_of(library, handle) -> BundleInfo:
    info = sized(BundleInfo)
    assert library.sentio_bundle_get_info(handle, ctypes.byref(info)) == OK
    return info


def names_of(ask) -> list[str]:
    names = []
    while (name := ask(ctypes.c_int64(len(names)))) is not None:
        names.append(name.decode())
    return names


def test_the_backend_is_the_callers_choice(library, bundle):
    handle = load(library, bundle)
    assert names_of(lambda place: library.sentio_bundle_backend_name(handle, place)) == [
        "native",
        "torchscript",
    ]
    assert info_of(library, handle).backend == b"native"
    library.sentio_bundle_free(handle)
    built = names_of(library.sentio_backend_name)
    for backend in ("native", "torchscript"):
        if backend not in built:
            continue
        result, handle = load_with(library, bundle, backend=backend.encode())
        assert result == OK
        assert info_of(library, handle).backend == backend.encode()
        expected = load_bundle(bundle, backend=backend)
        assert info_of(library, handle).tolerance == expected.manifest.backend(backend).tolerance
        assert predictions(library, handle) == expected.predict(walk()).value.tobytes()
        library.sentio_bundle_free(handle)


def predictions(library, handle) -> bytes:
    """The float32 outputs of the walk's bars."""
    session, outcome = ctypes.c_void_p(), sized(Outcome)
    options = sized(Options, interval_ns=FIVE_MINUTES)
    assert library.sentio_session_new(handle, ctypes.byref(options), ctypes.byref(session)) == OK
    values = []
    for bar in bars_of(walk()):
        assert library.sentio_session_on_bar(session, ctypes.byref(bar), ctypes.byref(outcome)) == OK
        if outcome.status == PREDICTED:
            values.append(outcome.value)
    library.sentio_session_free(session)
    return np.array(values, np.float32).tobytes()


@pytest.mark.parametrize("backend", ["aoti", "jit"])
def test_a_backend_that_the_bundle_does_not_hold_is_refused(library, bundle, backend):
    result, handle = load_with(library, bundle, backend=backend.encode())
    assert result == UNSUPPORTED
    assert handle.value is None
    said = library.sentio_last_error().decode()
    assert f"'{backend}' was asked for; the bundle holds the backends native, torchscript" in said


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> tuple[Path, Path]:
    return write_keys(tmp_path_factory.mktemp("keys"), "own")


def build_checks_signatures() -> bool:
    cache = (BUILD / "CMakeCache.txt").read_text()
    return "SENTIO_OPENSSL:BOOL=ON" in cache


def test_a_bundle_that_the_trusted_key_did_not_sign_is_refused(library, bundle, keys, tmp_path):
    if not build_checks_signatures():
        pytest.skip("needs a build with SENTIO_OPENSSL")
    private, public = keys
    _, other = write_keys(tmp_path, "other")
    signed = make_bundle(tmp_path, sign=load_signer(private))
    for key in (str(public).encode(), public.read_bytes()):
        result, handle = load_with(library, signed, trusted_key=key)
        assert result == OK, library.sentio_last_error()
        library.sentio_bundle_free(handle)
    for folder, key in ((bundle, public), (signed, other)):
        result, handle = load_with(library, folder, trusted_key=str(key).encode())
        assert result == BAD_BUNDLE
        assert handle.value is None
        assert b"signature" in library.sentio_last_error()
    assert load_with(library, signed, trusted_key=str(tmp_path / "none.pem").encode())[0] == MISSING


def test_a_build_that_checks_no_signatures_says_so(library, bundle, keys):
    if build_checks_signatures():
        pytest.skip("this build checks them")
    result, handle = load_with(library, bundle, trusted_key=str(keys[1]).encode())
    assert (result, handle.value) == (UNSUPPORTED, None)
    assert b"SENTIO_OPENSSL" in library.sentio_last_error()


def test_a_bundle_tells_what_its_manifest_does(library, bundle):
    handle = load(library, bundle)
    info, loaded = info_of(library, handle), load_bundle(bundle)
    manifest = loaded.manifest
    assert info.created_at.decode() == "2026-01-31T12:00:00Z"
    assert info.spec_hash.decode() == manifest.chain.spec_hash
    assert (info.label.decode(), info.horizon) == (manifest.label.kind, manifest.label.horizon)
    assert (info.first_valid_row, info.settle) == (manifest.first_valid_row, manifest.settle or -1)
    assert info.session_gap_ns == manifest.session_gap_ns
    for name in ("train", "validation", "test"):
        found, expected = getattr(info, name), getattr(manifest.spans, name)
        assert (found.rows, found.first_ts, found.last_ts) == (
            expected.rows,
            expected.first_ts,
            expected.last_ts,
        )
    for feature, expected in enumerate(manifest.drift):
        told = sized(Range)
        assert library.sentio_bundle_get_range(handle, ctypes.c_int64(feature), ctypes.byref(told)) == OK
        assert (told.min, list(told.deciles), told.max) == (expected.min, expected.deciles, expected.max)
        assert list(told.counts) == expected.counts
    for beyond in (-1, len(manifest.drift)):
        result = library.sentio_bundle_get_range(handle, ctypes.c_int64(beyond), ctypes.byref(told))
        assert result != OK
        assert b"feature" in library.sentio_last_error()
    library.sentio_bundle_free(handle)
