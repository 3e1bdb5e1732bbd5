"""Which model files a service trusts: those that ship, by digest, and those that are signed."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from deploy.security.signing import PublicKeys, read_signature, sign
from inference import model
from ingest.errors import InputError

PURPOSE = "model"
"""What signatures of model files are for."""
SUFFIX = ".sig"
"""What is put behind a model file's name for its signature's."""
SUMS = "SHA256SUMS"
"""File beside the shipped models with their digests, as ``sha256sum`` writes it."""

logger = logging.getLogger(__name__)


@cache
def shipped() -> dict[str, str]:
    """Return the file names of the models that ship with Vigil, by digest.

    Examples
    --------
    >>> "qrs.onnx" in shipped().values()
    True
    """
    text = resources.files("inference").joinpath("models", SUMS).read_text()
    return dict(line.split() for line in text.splitlines())


class ModelTrust:
    """The rule on models of one service, for :func:`inference.trust.only`.

    Parameters
    ----------
    keys : sequence of Path
        PEM files of the public keys whose signatures are believed.
    allow_unsigned : bool
        Whether files without a signature may be loaded, with a warning. One whose signature
        does not fit never is.

    Raises
    ------
    InputError
        If a key cannot be used.
    """

    def __init__(self, keys: Sequence[Path] = (), *, allow_unsigned: bool = False) -> None:
        self._keys = PublicKeys(keys) if keys else None
        self._allow_unsigned = allow_unsigned

    def __call__(self, path: Path, content: bytes) -> None:
        """Refuse a model that is not trusted; what is loaded is told in the log.

        Raises
        ------
        InputError
            If it neither ships with Vigil nor is signed by a trusted key.
        """
        digest = hashlib.sha256(content).hexdigest()
        try:
            told = self.explain(path, content)
        except InputError as error:
            logger.error("model refused: %s", error)
            raise
        logger.info("model %s, SHA-256 %s: %s", path.name, digest, told)

    def explain(self, path: Path, content: bytes) -> str:
        """Return why a model is trusted.

        Raises
        ------
        InputError
            If it is not.
        """
        if hashlib.sha256(content).hexdigest() in shipped():
            return "ships with Vigil"
        what = f"model {path.name}"
        if path.parent == model.builtin("qrs").parent:
            raise InputError(f"{what} is not as it was shipped: it was changed or replaced")
        beside = path.with_name(path.name + SUFFIX)
        if beside.is_file():
            if self._keys is None:
                if self._allow_unsigned:
                    logger.warning("%s is signed, but no key is trusted to check it", what)
                    return "signed, unchecked"
                raise InputError(f"{what} is signed, but models.trusted_keys names no public key")
            signature = read_signature(beside, what)
            return f"signed by {self._keys.verify(signature, PURPOSE, content, what)}"
        if not self._allow_unsigned:
            raise InputError(
                f"{what} neither ships with Vigil nor is signed: sign it (vigil models --sign) "
                "and name the public key in models.trusted_keys, or set models.allow_unsigned"
            )
        logger.warning("%s is not signed", what)
        return "not signed"


def sign_model(path: Path, key: Path) -> Path:
    """Write the signature of a model file beside it; return the signature's path.

    Raises
    ------
    InputError
        If the model does not fit, the key cannot be used, or the file cannot be written.
    """
    model.load(path)  # what could not be loaded is not signed
    told = sign(key, PURPOSE, path.read_bytes())
    beside = path.with_name(path.name + SUFFIX)
    try:
        beside.write_text(json.dumps(told, indent=1) + "\n")
    except OSError as error:
        raise InputError(f"signature {beside} cannot be written: {error.strerror}") from error
    return beside


def write_sums() -> Path:
    """Write the digests of the shipped models, to be committed with them; return the path."""
    paths = [model.builtin(name) for name in model.builtin_names()]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths]
    sums = paths[0].with_name(SUMS)
    sums.write_text("".join(lines))
    return sums


if __name__ == "__main__":
    print(write_sums(), file=sys.stderr)
