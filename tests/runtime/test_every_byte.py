"""A bit flipped in any byte of a bundle is refused, in every one of them."""

from __future__ import annotations

import subprocess

import pytest
from bundles import make_bundle
from keys import write_keys
from runtime_project import BUILD

from sentio.signature import load_signer


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """A bundle with the backends native and torchscript, and the key that signed it."""
    folder = tmp_path_factory.mktemp("signed")
    private, public = write_keys(folder, "ours")
    return make_bundle(folder, sign=load_signer(private)), public


def test_every_byte_of_an_exported_bundle_counts(signed, record_property):
    bundle, key = signed
    program = BUILD / "tests" / "flip_every_byte"
    if not program.is_file():
        pytest.skip("needs build/tests/flip_every_byte, which `make runtime` builds")
    done = subprocess.run([program, bundle, key], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    *files, (total, flips) = (line.rsplit(" ", 1) for line in done.stdout.splitlines())
    sizes = {p.relative_to(bundle).as_posix(): p.stat().st_size for p in bundle.rglob("*") if p.is_file()}
    assert {"model.safetensors", "model.pt", "SHA256SUMS", "SHA256SUMS.sig"} <= sizes.keys()
    assert {name: int(count) for name, count in files} == sizes
    assert (total, int(flips)) == ("all", sum(sizes.values()))
    print(f"{flips} bytes of {len(sizes)} files flipped, each refused")
    record_property("bytes flipped, each refused", flips)
