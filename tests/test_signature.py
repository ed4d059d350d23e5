"""A signature over SHA256SUMS: who signed what, in Python, by OpenSSL's own command, and in C++."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bundles import NOON, make_bundle, make_source, reseal
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from keys import write_keys

from sentio import Session
from sentio.bundle import load_bundle
from sentio.bundle.folder import read_files
from sentio.errors import BadInput, CheckFailed, CorruptStore, EnvironmentProblem, UsageError
from sentio.export import write_bundle
from sentio.sealed_folder import verify_sums
from sentio.signature import TrustedKey, load_signer
from sentio.verify import verify_bundle


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with the keys `ours` and `theirs`, and a bundle that ours has signed."""
    folder = tmp_path_factory.mktemp("signed")
    private, _ = write_keys(folder, "ours")
    write_keys(folder, "theirs")
    write_bundle(
        folder / "TFA" / "v1",
        make_source(),
        created_at=NOON,
        created_by="user@host",
        sign=load_signer(private),
    )
    return folder


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    """A copy of the bundle, to spoil."""
    return Path(shutil.copytree(made / "TFA" / "v1", tmp_path / "v1"))


def refusal(bundle: Path, key: Path) -> str:
    """What the loader and the verification say, which must be the same, and nothing more is looked at."""
    with pytest.raises(CheckFailed) as refused:
        load_bundle(bundle, trust=key)
    report = verify_bundle(bundle, None, trust=key)
    assert [(check.name, check.ok) for check in report.checks] == [("signature", False)]
    assert report.exit_code == 1
    assert report.checks[0].detail == refused.value.found
    return refused.value.found


def test_a_signed_bundle_is_believed_by_its_key(made, bundle):
    public = made / "ours.pub.pem"
    assert load_bundle(bundle, trust=public).id == verify_sums(bundle)
    report = verify_bundle(bundle, None, cpp=False, trust=public)
    assert report.ok
    assert [check.name for check in report.checks[:2]] == ["signature", "SHA256SUMS"]
    assert TrustedKey(public).fingerprint in report.checks[0].detail


def test_a_session_is_loaded_by_the_trusted_key_alone(made, bundle):
    ours, theirs = made / "ours.pub.pem", made / "theirs.pub.pem"
    assert Session.load(bundle, interval="5m", trust=ours).live.bundle.id == verify_sums(bundle)
    with pytest.raises(CheckFailed, match="is no signature"):
        Session.load(bundle, interval="5m", trust=theirs)
    (bundle / "SHA256SUMS.sig").unlink()
    with pytest.raises(CheckFailed, match="is unsigned"):
        Session.load(bundle, interval="5m", trust=ours)


def test_openssl_itself_believes_it(made, bundle):
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(made / "ours.pub.pem"), "-rawin"]
    files = ["-in", str(bundle / "SHA256SUMS"), "-sigfile", str(bundle / "SHA256SUMS.sig")]
    assert subprocess.run([*command, *files], capture_output=True, check=False).returncode == 0


def test_without_a_trusted_key_the_signature_is_not_looked_at(bundle):
    (bundle / "SHA256SUMS.sig").write_bytes(b"no signature")
    assert load_bundle(bundle).id == verify_sums(bundle)


def test_another_key_an_unsigned_bundle_and_other_sums_are_refused(made, bundle):
    ours = made / "ours.pub.pem"
    assert "is no signature" in refusal(bundle, made / "theirs.pub.pem")
    state = bundle / "feature_spec.json"
    state.write_text(state.read_text() + "\n")
    reseal(bundle)
    assert "is no signature" in refusal(bundle, ours)
    (bundle / "SHA256SUMS.sig").unlink()
    assert "is unsigned" in refusal(bundle, ours)


def test_the_signature_is_checked_before_any_file_is_read(made, bundle, sentio_cli):
    (bundle / "engine.state").write_bytes(b"damaged")
    assert "is no signature" in refusal(bundle, made / "theirs.pub.pem")
    with pytest.raises(CorruptStore, match=r"engine\.state"):
        load_bundle(bundle, trust=made / "ours.pub.pem")
    for key, code in (("theirs", 1), ("ours", 4)):
        command = [sentio_cli, "verify", bundle, "--trust", made / f"{key}.pub.pem"]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        skip_without_openssl(done.returncode)
        assert done.returncode == code


LOCKED = """-----BEGIN PUBLIC KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF

MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""


def test_a_locked_or_endless_key_is_refused_and_nothing_asked(bundle, tmp_path, sentio_cli):
    locked, large = tmp_path / "locked.pem", tmp_path / "large.pem"
    locked.write_text(LOCKED)
    large.write_bytes(bytes((64 << 10) + 1))
    for key in (locked, large):
        with pytest.raises(BadInput, match=r"no Ed25519 public key|holds more than 64 KiB"):
            TrustedKey(key)
    for key in (locked, large, Path("/dev/zero")):
        status, told = on_terminal([sentio_cli, "verify", bundle, "--trust", key])
        skip_without_openssl(status)
        assert status == 2, told
        assert b"pass phrase" not in told


def on_terminal(command: list[str | Path]) -> tuple[int, bytes]:
    """What a command ends with, and what it writes, on a terminal of its own, where it could ask."""
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        started = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command], stdin=theirs, stdout=theirs, stderr=theirs
        )
        try:
            status = started.wait(timeout=30)
            return status, screen.read(4096)
        finally:
            started.kill()
            os.close(theirs)


def skip_without_openssl(status: int) -> None:
    if status == EnvironmentProblem.exit_code:
        pytest.skip("sentio_cli is built without SENTIO_OPENSSL")


def test_every_cut_and_every_flipped_bit_of_a_signature_is_refused(made, bundle):
    file, key = bundle / "SHA256SUMS.sig", TrustedKey(made / "ours.pub.pem")
    good, sums = file.read_bytes(), (bundle / "SHA256SUMS").read_bytes()
    assert key.check(sums, good)
    bad = [good[:length] for length in range(64)] + [good + b"\0"]
    bad += [
        bytes(b ^ (1 << bit % 8) if at == bit // 8 else b for at, b in enumerate(good)) for bit in range(512)
    ]
    for signature in bad:
        with pytest.raises(CheckFailed):
            key.check(sums, signature)
    assert len(bad) == 577
    file.write_bytes(good[:63])
    assert "has 63 bytes" in refusal(bundle, made / "ours.pub.pem")


def test_a_signature_must_be_a_file_and_must_not_be_listed(bundle, tmp_path):
    signature = bundle / "SHA256SUMS.sig"
    shutil.move(signature, tmp_path / "elsewhere")
    signature.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorruptStore, match=r"SHA256SUMS\.sig"):
        load_bundle(bundle)
    signature.unlink()
    sums = bundle / "SHA256SUMS"
    sums.write_text(sums.read_text() + f"{'0' * 64}  SHA256SUMS.sig\n")
    with pytest.raises(CorruptStore, match="is not allowed"):
        load_bundle(bundle)


# A path that leads to another folder while it is read

before_open: list[Callable[[], None]] = []


def watch(event: str, _: object) -> None:
    if event == "open" and before_open:
        before_open[0]()


sys.addaudithook(watch)  # there is no taking it back; without an action it does nothing


def lead(path: Path, folder: Path) -> None:
    beside = path.with_name("beside")
    beside.symlink_to(folder)
    beside.rename(path)


@contextmanager
def swapped(path: Path, one: Path, other: Path, first: int, last: int) -> Iterator[list[int]]:
    """`path` leads to `one`, from the `first` open of any file on to `other`, and from the `last` on back."""
    opens = [0]

    def action() -> None:
        if opens[0] in (first, last):
            lead(path, other if opens[0] == first else one)
        opens[0] += 1

    lead(path, one)
    before_open.append(action)
    try:
        yield opens
    finally:
        before_open.clear()


def test_a_path_that_leads_elsewhere_at_any_moment_gives_one_bundle_whole(bundle, tmp_path):
    unsigned, path = make_bundle(tmp_path, make_source(2)), tmp_path / "path"
    whole = {files.id: files.contents for files in map(read_files, (bundle, unsigned))}
    with swapped(path, bundle, unsigned, -1, -1) as opens:
        read_files(path)
    assert opens[0] > len(whole[verify_sums(bundle)])
    read = set()
    for first, last in itertools.combinations(range(opens[0] + 1), 2):
        with swapped(path, bundle, unsigned, first, last):
            files = read_files(path)
        assert files.contents == whole[files.id], (first, last)
        read.add(files.id)
    assert read == set(whole)


def test_keys_that_are_none_are_refused(made, tmp_path):
    private, public = made / "ours.pem", made / "ours.pub.pem"
    for read in (load_signer, TrustedKey):
        with pytest.raises(UsageError, match="is not a key file"):
            read(tmp_path / "nowhere.pem")
    with pytest.raises(BadInput, match="no Ed25519 private key"):
        load_signer(public)
    with pytest.raises(BadInput, match="no Ed25519 public key"):
        TrustedKey(private)
    key = rsa.generate_private_key(65537, 2048)
    other = tmp_path / "rsa.pem"
    other.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(BadInput, match="no Ed25519 private key"):
        load_signer(other)
    locked = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    other.write_bytes(locked)
    with pytest.raises(BadInput, match="is locked by a password"):
        load_signer(other)


def test_without_the_package_the_request_is_refused_and_the_extra_named(made, bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for ask in (
        lambda: load_signer(made / "ours.pem"),
        lambda: load_bundle(bundle, trust=made / "ours.pub.pem"),
        lambda: verify_bundle(bundle, None, trust=made / "ours.pub.pem"),
    ):
        with pytest.raises(EnvironmentProblem, match=r"sentio\[sign\]"):
            ask()
    assert load_bundle(bundle).id == verify_sums(bundle)


def test_the_command_ends_with_1_where_the_signature_is_not_the_keys(made, bundle, sentio):
    verify = ("verify", str(bundle), "--no-cpp", "--trust")
    assert sentio(*verify, str(made / "ours.pub.pem")).code == 0
    done = sentio(*verify, str(made / "theirs.pub.pem"))
    assert done.code == 1
    assert "is no signature" in done.out
    assert sentio(*verify, str(made / "nowhere.pem")).code == 2


def test_cpp_believes_what_python_signed_and_refuses_the_rest(made, bundle, sentio_cli):
    verify = [str(sentio_cli), "verify", str(bundle), "--trust"]

    def run(key: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*verify, str(key)], capture_output=True, text=True, check=False)

    done = run(made / "ours.pub.pem")
    if done.returncode == EnvironmentProblem.exit_code:  # a build without OpenSSL
        assert "SENTIO_OPENSSL" in done.stderr
        pytest.skip("sentio_cli is built without SENTIO_OPENSSL")
    assert done.returncode == 0, done.stdout + done.stderr
    assert TrustedKey(made / "ours.pub.pem").fingerprint in done.stdout
    assert verify_bundle(bundle, sentio_cli, trust=made / "ours.pub.pem").ok
    done = run(made / "theirs.pub.pem")
    assert done.returncode == 1
    assert "is no signature" in done.stdout
    assert run(made / "nowhere.pem").returncode == 2
    assert run(made / "ours.pem").returncode == 2
    (bundle / "SHA256SUMS.sig").unlink()
    assert run(made / "ours.pub.pem").returncode == 1
