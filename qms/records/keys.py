"""The key that signs the trail: one Ed25519 key per workspace, in a file only its owner may read, never in the database."""

import base64
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from qms.errors import BadContent, Problem


def make(private: Path, public: Path) -> None:
    """Make the workspace's key pair. Raises FileExistsError rather than replace one."""
    private.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    handle = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64encode(key.private_bytes_raw()) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    public.write_text(written(key.public_key().public_bytes_raw()) + "\n", encoding="ascii")


def written(public: bytes) -> str:
    """A public key as its file holds it."""
    return base64.b64encode(public).decode()


class Key:
    """The key pair in use."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()
        """The 32 bytes of the public half."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes over ``message``; the same each time."""
        return self._private.sign(message)

    def secret_for(self, use: str) -> bytes:
        """32 bytes for another ``use`` than signing (RFC 5869): nobody without the key can know them, and they tell nothing of it."""
        return HKDF(SHA256(), 32, None, f"qms {use}".encode()).derive(self._private.private_bytes_raw())


def new() -> Key:
    """A key that lives in memory only."""
    return Key(Ed25519PrivateKey.generate())


def load(private: Path) -> Key:
    """Read the key. Raises BadContent when it is missing, malformed or readable by others."""
    try:
        if private.stat().st_mode & 0o077:
            raise BadContent([Problem(str(private), 0, "key.readable_by_others")])
        return Key(Ed25519PrivateKey.from_private_bytes(base64.b64decode(private.read_bytes())))
    except FileNotFoundError as error:
        raise BadContent([Problem(str(private), 0, "key.missing")]) from error
    except ValueError as error:
        raise BadContent([Problem(str(private), 0, "key.unusable")]) from error


def verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` over ``message`` was made with the key whose public half this is."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
