"""Ed25519 signatures: of model files and of the audit log's checkpoints.

A private key is a PEM file that the owner keeps away from the machines that check:
``openssl genpkey -algorithm ed25519 -out key.pem`` makes one, and
``openssl pkey -in key.pem -pubout -out public.pem`` the public key that they have.
``cryptography`` is loaded only where something is signed or checked.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from ingest.json_text import read_json
from ingest.secret_files import read_secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNATURE_SCHEMA = "vigil.signature/1"
"""Name and version of a signature's form."""
MOST_SIGNATURE_BYTES = 4096
"""Longest signature file."""


def sign(key_file: Path, purpose: str, content: bytes) -> dict[str, str]:
    """Sign bytes for one purpose, as an object that is written as JSON.

    Raises
    ------
    InputError
        If the key cannot be used.
    """
    key = _private_key(key_file)
    public = key.public_key().public_bytes_raw()
    signature = key.sign(_message(purpose, content))
    return {
        "schema": SIGNATURE_SCHEMA,
        "purpose": purpose,
        "sha256": hashlib.sha256(content).hexdigest(),
        "key": key_id(public),
        "signature": base64.b64encode(signature).decode(),
    }


class PublicKeys:
    """Keys whose signatures are believed.

    Parameters
    ----------
    files : sequence of Path
        PEM files of Ed25519 public keys.

    Raises
    ------
    InputError
        If one cannot be read or is of another kind.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._keys: dict[str, Any] = {}
        for file in files:
            key = _public_key(file)
            self._keys[key_id(key.public_bytes_raw())] = key

    @property
    def ids(self) -> list[str]:
        """Their ids."""
        return list(self._keys)

    def verify(self, told: Any, purpose: str, content: bytes, what: str) -> str:
        """See that an object signs these bytes for this purpose; return the id of its key.

        Parameters
        ----------
        told : any
            What was read of a signature file.
        purpose : str
            What the signature must be for.
        content : bytes
            What must be signed.
        what : str
            What it is, for messages.

        Raises
        ------
        InputError
            If it is no signature, of a key that is not believed, or of other bytes.
        """
        from cryptography.exceptions import InvalidSignature

        if not isinstance(told, dict) or told.get("schema") != SIGNATURE_SCHEMA:
            raise InputError(f"{what}: its signature is not of the form {SIGNATURE_SCHEMA}")
        if told.get("purpose") != purpose:
            raise InputError(f"{what}: its signature is not one of a {purpose}")
        if told.get("sha256") != hashlib.sha256(content).hexdigest():
            raise InputError(f"{what} was changed since it was signed: its digest is another")
        name = told.get("key")
        key = self._keys.get(name) if isinstance(name, str) else None
        if key is None:
            raise InputError(
                f"{what} is signed with a key that is not trusted; trusted are "
                f"{', '.join(self._keys) or 'none'}"
            )
        try:
            key.verify(base64.b64decode(str(told.get("signature"))), _message(purpose, content))
        except (InvalidSignature, ValueError) as error:
            raise InputError(f"{what}: its signature does not fit: it was tampered with") from error
        return str(name)


def read_signature(path: Path, what: str) -> Any:
    """Read a signature file.

    Raises
    ------
    InputError
        If it cannot be read or is no JSON.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_SIGNATURE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{what}: {path} cannot be read: {error.strerror}") from error
    return read_json(content, f"the signature {path}", MOST_SIGNATURE_BYTES)


def key_id(public: bytes) -> str:
    """Return the name of a public key: the begin of its SHA-256.

    Examples
    --------
    >>> key_id(bytes(32))
    '66687aadf862bd77'
    """
    return hashlib.sha256(public).hexdigest()[:16]


def _message(purpose: str, content: bytes) -> bytes:
    """Return what is signed: a signature for one purpose is none for another."""
    return f"{SIGNATURE_SCHEMA} {purpose}\0".encode() + hashlib.sha256(content).digest()


def _private_key(path: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(read_secret(path, "key"), None)
    except (ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"key {path} is no unencrypted PEM private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"key {path} is not an Ed25519 key")
    return key


def _public_key(path: Path) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        content = path.read_bytes()[: 1 << 16]
        key = load_pem_public_key(content)
    except OSError as error:
        raise InputError(f"public key {path} cannot be read: {error.strerror}") from error
    except ValueError:
        raise InputError(f"public key {path} is no PEM public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"public key {path} is not an Ed25519 key")
    return key
