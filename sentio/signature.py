"""The detached signature of a sealed folder: Ed25519 (RFC 8032) over the bytes of `SHA256SUMS`."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sentio.errors import BadInput, CheckFailed, EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = ["Signer", "TrustedKey", "load_signer"]

Signer: TypeAlias = Callable[[bytes], bytes]

_SIZE = 64
_LOCKED = b"Proc-Type: 4,ENCRYPTED"  # RFC 1421
_MOST_KEY_BYTES = 64 << 10  # as kMostKeyBytes of signature.cpp
_MAKE_KEYS = "openssl genpkey -algorithm ed25519 -out key.pem; openssl pkey -in key.pem -pubout -out pub.pem"


def load_signer(path: Path) -> Signer:
    """What signs by the private key of a PEM file.

    Raises:
        UsageError: there is no such file.
        BadInput: it holds no Ed25519 private key, or one that is locked by a password.
        EnvironmentProblem: the package `cryptography` is not installed.
    """
    _require_package()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(path), password=None)
    except TypeError:
        raise BadInput(str(path), "is locked by a password", hint="openssl pkey unlocks a copy") from None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput(str(path), "holds no Ed25519 private key in PEM", hint=_MAKE_KEYS)
    return key.sign


class TrustedKey:
    """A public key whose signatures are believed.

    Args:
        path: of its PEM file.

    Raises:
        UsageError: there is no such file.
        BadInput: it holds no Ed25519 public key.
        EnvironmentProblem: the package `cryptography` is not installed.
    """

    def __init__(self, path: Path) -> None:
        _require_package()
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        content = _read(path)
        try:
            # A public key is not locked; the package would not notice, OpenSSL in C++ does.
            key = None if _LOCKED in content else load_pem_public_key(content)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise BadInput(str(path), "holds no Ed25519 public key in PEM", hint=_MAKE_KEYS)
        self.path = path
        self._key: Ed25519PublicKey = key

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the key's 32 bytes, 64 hex digits."""
        return hashlib.sha256(self._key.public_bytes_raw()).hexdigest()

    def check(self, sums: bytes, signature: bytes | None) -> str:
        """The signature is this key's over these very bytes.

        Args:
            sums: the bytes of `SHA256SUMS`.
            signature: the bytes of `SHA256SUMS.sig`; None where there is no such file.

        Raises:
            CheckFailed: there is none, it has another length, or it is of other bytes or another key.
        """
        from cryptography.exceptions import InvalidSignature

        if signature is None:
            raise CheckFailed("signature", "the bundle is unsigned: it has no SHA256SUMS.sig")
        if len(signature) != _SIZE:
            raise CheckFailed(
                "signature", f"SHA256SUMS.sig has {len(signature)} bytes, a signature has {_SIZE}"
            )
        try:
            self._key.verify(signature, sums)
        except InvalidSignature:
            raise CheckFailed(
                "signature",
                f"SHA256SUMS.sig is no signature of this SHA256SUMS by the trusted key {self.fingerprint}",
            ) from None
        return f"by the trusted key {self.fingerprint}"


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise UsageError(str(path), "is not a key file", hint=_MAKE_KEYS)
    with path.open("rb") as stream:
        content = stream.read(_MOST_KEY_BYTES + 1)
    if len(content) > _MOST_KEY_BYTES:
        raise BadInput(str(path), "holds more than 64 KiB, which is no key in PEM", hint=_MAKE_KEYS)
    return content


def _require_package() -> None:
    if importlib.util.find_spec("cryptography") is None:
        raise EnvironmentProblem(
            "signature", "needs the package cryptography", hint="pip install 'sentio[sign]'"
        )
