"""Dead letters as messages: JSON with the reason, the place, and the bytes unchanged."""

from __future__ import annotations

import base64
import json

from ingest.codec import MAX_PAYLOAD_BYTES
from ingest.errors import InputError
from ingest.json_text import read_json
from ingest.source import DeadLetter

MARK_SCHEMA = "vigil.dead-letter-mark/1"
"""Name and version of what says that a letter was sent again, on the letters' own topic."""
MOST_LETTER_BYTES = 2 * MAX_PAYLOAD_BYTES
"""Longest dead letter: the longest message that is looked at, in base64, and what is said of it."""


def encode_dead_letter(letter: DeadLetter) -> bytes:
    """Return a dead letter as a JSON object; ``payload`` is its bytes in base64.

    Examples
    --------
    >>> letter = DeadLetter(b"junk", "not-protobuf", "no", "ecg.frames", 2, 17)
    >>> decode_dead_letter(encode_dead_letter(letter)) == letter
    True
    """
    return json.dumps(
        {
            "reason": letter.reason,
            "detail": letter.detail,
            "topic": letter.topic,
            "partition": letter.partition,
            "offset": letter.offset,
            "key": base64.b64encode(letter.key).decode(),
            "payload": base64.b64encode(letter.payload).decode(),
        }
    ).encode()


def decode_dead_letter(message: bytes) -> DeadLetter:
    """Return the dead letter that :func:`encode_dead_letter` was given.

    Raises
    ------
    InputError
        If the message is not one.
    """
    try:
        fields = read_json(message, "a dead letter", MOST_LETTER_BYTES)
        payload = base64.b64decode(fields["payload"], validate=True)
        return DeadLetter(
            payload,
            str(fields["reason"]),
            str(fields["detail"]),
            str(fields["topic"]),
            int(fields["partition"]),
            int(fields["offset"]),
            base64.b64decode(fields.get("key", ""), validate=True),
        )
    except InputError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"not a dead letter: {error}") from error
