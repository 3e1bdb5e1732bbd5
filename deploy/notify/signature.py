"""Signatures of webhooks: HMAC-SHA256 over time and body, so that neither can be changed.

The header is ``t=SECONDS,v1=HEX``: the time of sending in s since 1970 and the
MAC of ``SECONDS.BODY``. Whoever receives it refuses what is too old, which keeps
a copied message from being played again later.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from ingest.errors import InputError

HEADER = "Vigil-Signature"
"""Name of the header."""
LEAST_SECRET_BYTES = 16
"""A shorter secret can be guessed."""
_FORM = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def sign(secret: bytes, body: bytes, at_s: int) -> str:
    """Make the header's value.

    Examples
    --------
    >>> sign(b"0123456789abcdef", b"{}", 1700000000)[:30]
    't=1700000000,v1=e4f8e2ecae2295'
    """
    mac = hmac.new(secret, b"%d." % at_s + body, hashlib.sha256)
    return f"t={at_s},v1={mac.hexdigest()}"


def verify(secret: bytes, body: bytes, header: str, now_s: float, tolerance_s: float = 300) -> None:
    """Refuse a body whose signature does not fit: what a receiver should do.

    Raises
    ------
    InputError
        If the header is malformed, the signature wrong, or too far from now.
    """
    found = _FORM.fullmatch(header)
    if found is None:
        raise InputError("the signature must be t=SECONDS,v1=HEX")
    at_s = int(found[1])
    if not hmac.compare_digest(sign(secret, body, at_s), header):
        raise InputError("the signature does not fit the body")
    if abs(now_s - at_s) > tolerance_s:
        raise InputError(f"the signature is {abs(now_s - at_s):.0f} s from now")


def check_secret(secret: bytes) -> bytes:
    """Refuse a secret that is too short.

    Raises
    ------
    InputError
        Saying how long it must be.
    """
    if len(secret) < LEAST_SECRET_BYTES:
        raise InputError(
            f"a webhook's secret must have {LEAST_SECRET_BYTES} bytes or more, not {len(secret)}"
        )
    return secret
