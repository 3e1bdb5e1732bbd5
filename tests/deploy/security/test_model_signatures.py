"""A model that was tampered with, or signed by nobody who is trusted, is not loaded."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.cli.main import run
from deploy.security.models import SUMS, ModelTrust, shipped, sign_model
from deploy.security.signing import PublicKeys, sign
from inference import model, trust
from ingest.errors import InputError
from tests.test_layout import modules_loaded_by


def make_key(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a pair of keys as docs/security.md says; return the private and the public one."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return make_key(tmp_path, "key")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A model of one's own: one that ships, with a byte more that ONNX ignores."""
    path = tmp_path / "own.onnx"
    path.write_bytes(model.builtin("qrs").read_bytes() + b"\xb2\x1f\x01x")  # an unknown field
    return path


def load(path: Path, rule: ModelTrust) -> None:
    with trust.only(rule):
        model.load(path)


def test_digests_of_the_shipped_models_are_those_of_the_package() -> None:
    there = {
        hashlib.sha256(model.builtin(name).read_bytes()).hexdigest(): f"{name}.onnx"
        for name in model.builtin_names()
    }
    unknown = sorted(there.items() - shipped().items())
    assert not unknown, f"write {SUMS} anew: python -m deploy.security.models"


def test_what_ships_is_loaded_also_as_a_copy(tmp_path: Path) -> None:
    copy = shutil.copy(model.builtin("qrs"), tmp_path / "copy.onnx")
    load(model.builtin("qrs"), ModelTrust())
    load(Path(copy), ModelTrust())


def test_unsigned_is_refused_unless_allowed(own: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InputError, match="neither ships with Vigil nor is signed"):
        load(own, ModelTrust())
    assert "model refused" in caplog.text
    load(own, ModelTrust(allow_unsigned=True))
    assert "is not signed" in caplog.text
    model.load(own)  # without a rule, as vigil score has none


def test_signed_is_loaded_where_the_key_is_trusted(own: Path, keys: tuple[Path, Path]) -> None:
    private, public = keys
    assert run(["models", str(own), "--sign", str(private)]) == 0
    load(own, ModelTrust([public]))
    with pytest.raises(InputError, match="names no public key"):
        load(own, ModelTrust())
    _, other = make_key(own.parent, "other")
    with pytest.raises(InputError, match="signed with a key that is not trusted"):
        load(own, ModelTrust([other], allow_unsigned=True))


@pytest.mark.parametrize("allow_unsigned", [False, True])
def test_tampered_is_refused_even_where_unsigned_is_allowed(
    own: Path, keys: tuple[Path, Path], allow_unsigned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    private, public = keys
    sign_model(own, private)
    own.write_bytes(own.read_bytes()[:-1] + b"y")
    with pytest.raises(InputError, match="was changed since it was signed"):
        load(own, ModelTrust([public], allow_unsigned=allow_unsigned))
    assert "model refused: model own.onnx was changed" in caplog.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sha256": "0" * 64}, "was changed since"),
        ({"signature": "AAAA"}, "does not fit"),
        ({"signature": "?"}, "does not fit"),
        ({"purpose": "checkpoint"}, "not one of a model"),
        ({"schema": "x"}, "not of the form"),
        ({"key": ["a"]}, "not trusted"),
    ],
)
def test_changed_signatures_are_refused(
    own: Path, keys: tuple[Path, Path], change: dict[str, object], told: str
) -> None:
    private, public = keys
    run(["models", str(own), "--sign", str(private)])
    beside = own.with_name("own.onnx.sig")
    beside.write_text(json.dumps(json.loads(beside.read_text()) | change))
    with pytest.raises(InputError, match=told):
        load(own, ModelTrust([public]))


def test_a_signature_for_one_purpose_is_none_for_another(keys: tuple[Path, Path]) -> None:
    private, public = keys
    told = sign(private, "checkpoint", b"content") | {"purpose": "model"}
    with pytest.raises(InputError, match="tampered"):
        PublicKeys([public]).verify(told, "model", b"content", "it")


def test_the_monitor_refuses_before_it_asks_a_broker(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = ["--from", "kafka://127.0.0.1:1/a", "--to", "kafka://127.0.0.1:1/b"]
    assert run(["monitor", *nowhere, "--model", str(own)]) == 2
    assert "neither ships with Vigil nor is signed" in capsys.readouterr().err


def test_models_tells_whom_it_trusts(
    own: Path, keys: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = keys
    assert run(["models", str(own), "--verify", "--json"]) == 0
    assert "neither ships" in json.loads(capsys.readouterr().out)["trust"]
    assert run(["models", str(own), "--verify", "--json", "--trust", str(public)]) == 1
    assert "neither ships" in json.loads(capsys.readouterr().out)["why_not"]
    words = ["models", str(own), "--sign", str(private), "--verify", "--trust", str(public)]
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trust"].startswith("signed by ")


def test_keys_that_are_none_are_refused_untold(tmp_path: Path, own: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("-----BEGIN PRIVATE KEY-----\ngeheim\n-----END PRIVATE KEY-----\n")
    junk.chmod(0o600)
    with pytest.raises(InputError, match="PEM private key") as refused:
        sign(junk, "model", b"")
    assert "geheim" not in str(refused.value)
    with pytest.raises(InputError, match="PEM public key"):
        PublicKeys([junk])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")
def test_keys_of_openssl_do(tmp_path: Path, own: Path) -> None:
    private, public = tmp_path / "a.pem", tmp_path / "a.pub.pem"
    for words in (["genpkey", "-algorithm", "ed25519", "-out", private],
                  ["pkey", "-in", private, "-pubout", "-out", public]):  # fmt: skip
        subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=30)
    run(["models", str(own), "--sign", str(private)])
    load(own, ModelTrust([public]))


def test_nobody_pays_for_signatures_who_has_none() -> None:
    loaded = modules_loaded_by(
        "import deploy.cli.monitor, deploy.cli.score, deploy.security.models"
    )
    assert not any(name.startswith("cryptography") for name in loaded)
