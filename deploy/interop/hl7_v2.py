"""An alarm as HL7 v2.6 ORU^R40, in the manner of IHE's Alert Communication Management (PCD-04).

One OBR for the alarm, one OBX for each of its facets. In the manner of, for no
connectathon has seen it. A condition without a certain code goes under
``99VIGIL``, as HL7 has it for codes of one's own; the profile is named without
its OID, since sources differ on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from deploy.interop import mdc
from deploy.interop.fhir_r4 import in_words
from ingest.errors import InputError

REST = "UNICODE UTF-8|||IHE_PCD_ACM_001^IHE PCD"
"""Character set and profile, MSH-18 to MSH-21."""
LOCAL = "99VIGIL"
"""Coding system of Vigil's own names."""
PHASE = {
    "raised": "start",
    "acknowledged": "continue",
    "latched": "end",
    "ended": "end",
    "cleared": "end",
}
"""Facet 3, by what changed; a latched condition is over."""
STATE = {
    "raised": "active",
    "acknowledged": "active",
    "latched": "latched",
    "ended": "inactive",
    "cleared": "inactive",
}
"""Facet 4, by what changed."""
PRIORITY = {"high": "PH", "medium": "PM", "low": "PL"}
"""Facet 6."""
KIND = {"physiological": "SP", "technical": "ST"}
"""Facet 7."""

_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
_HD = re.compile(r"[\x21-\x7e]{1,20}")


def message(alarm: Mapping[str, Any], sender: str = "VIGIL") -> str:
    r"""Write one change of an alarm.

    Parameters
    ----------
    alarm : Mapping
        The alarm's JSON as an object.
    sender : str
        Name of the sending application, MSH-3.

    Returns
    -------
    str
        Segments, each ended by a carriage return; the frame of MLLP is the transport's.

    Raises
    ------
    InputError
        If the sender is no name of 1 to 20 printable characters without blanks.
    """
    if not _HD.fullmatch(sender):
        raise InputError(f"sender {sender!r} must be 1 to 20 printable characters without blanks")
    at, sender = timestamp(alarm["decided"]["utc"]), escape(sender)
    name = f"{alarm['id']}^{sender}"
    over = "" if alarm["offset"] is None else timestamp(alarm["offset"]["utc"])
    control_id = f"{alarm['id']}.{alarm['state']}"
    segments = [
        f"MSH|^~\\&|{sender}||||{at}||ORU^R40^ORU_R40|{control_id}|P|2.6|||AL|NE||{REST}",
        f"PID|||{escape(alarm['stream_id'])}^^^{sender}^PI||^^^^^^U",
        "PV1||U",
        f"OBR|1|{name}|{name}|{_coded(mdc.ALARM)}|||{timestamp(alarm['onset']['utc'])}|{over}",
        *_facets(alarm, at),
    ]
    return "".join(segment + "\r" for segment in segments)


def escape(text: str) -> str:
    r"""Escape what separates fields; line ends become blanks.

    Examples
    --------
    >>> escape("a|b^c\rd")
    'a\\F\\b\\S\\c d'
    """
    found = "".join(_ESCAPES.get(letter, letter) for letter in text)
    return re.sub(r"[\x00-\x1f\x7f]+", " ", found)


def timestamp(utc: str) -> str:
    """Turn RFC 3339 into HL7's DTM, four decimals.

    Examples
    --------
    >>> timestamp("2023-11-14T22:13:21.001000000Z")
    '20231114221321.0010+0000'
    """
    digits = re.sub(r"[-T:Z]", "", utc)
    return f"{digits[:19]}+0000"


def _facets(alarm: Mapping[str, Any], at: str) -> list[str]:
    """Write the OBX segments: what, where from, phase, state, silence, priority, kind, words."""
    priority, kind = PRIORITY[alarm["priority"]], KIND[alarm["kind"]]
    silent = "alert-acknowledged" if alarm["state"] == "acknowledged" else "enabled"
    condition = alarm["condition"]
    term = mdc.EVENTS.get(condition)
    local = f"{escape(condition)}^{escape(condition.replace('_', ' '))}^{LOCAL}"
    event = local if term is None else f"{_coded(term)}^{local}"
    facets = [
        ("CWE", mdc.ALARM, event, f"{priority}~{kind}"),
        ("CWE", mdc.ALERT_SOURCE, _coded(mdc.POTENTIAL), ""),
        ("ST", mdc.EVENT_PHASE, PHASE[alarm["state"]], ""),
        ("ST", mdc.ALARM_STATE, STATE[alarm["state"]], ""),
        ("ST", mdc.INACTIVATION_STATE, silent, ""),
        ("ST", mdc.ALARM_PRIORITY, priority, ""),
        ("ST", mdc.ALERT_TYPE, kind, ""),
        ("ST", mdc.ALERT_TEXT, escape(in_words(alarm)), ""),
    ]
    found = [
        f"OBX|{i}|{form}|{_coded(term)}|1.0.0.0.{i}|{value}|||{flags}|||R|||{at}"
        for i, (form, term, value, flags) in enumerate(facets, 1)
    ]
    rate = alarm["heart_rate_bpm"]
    if rate is not None:
        unit, i = _coded(mdc.BEATS_PER_MINUTE), len(found) + 1
        rated = f"OBX|{i}|NM|{_coded(mdc.HEART_RATE)}|1.0.0.1|{rate:.0f}|{unit}|||||R|||{at}"
        found.append(rated)
    return found


def _coded(term: mdc.Term) -> str:
    return f"{term.code}^{term.name}^MDC"
