"""An alarm as FHIR R6's DeviceAlert, as of the first full ballot (6.0.0-ballot4).

R6 is not published: this form may change, which is why nothing uses it unless
it is asked for. No library validates it yet; elements and codes are those of the
ballot's definitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.interop import fhir_r4
from deploy.interop.strip import Strip

VERSION = "6.0.0-ballot4"
"""Version of FHIR that it is written for."""
PRIORITIES = "http://hl7.org/fhir/devicealert-priority"
"""System of the priorities."""
PRESENCE = {
    "raised": "on",
    "acknowledged": "ack",
    "latched": "latched",
    "ended": "off",
    "cleared": "off",
}
"""Presence of the signal, ``http://hl7.org/fhir/devicealert-presence``, by what changed."""
OVER = ("latched", "ended", "cleared")
"""Changes behind which the condition is over."""


def bundle(alarm: Mapping[str, Any], strip: Strip | None = None) -> fhir_r4.Resource:
    """Write one change of an alarm: the R4 bundle, with a DeviceAlert in the place of the issue.

    Parameters
    ----------
    alarm : Mapping
        The alarm's JSON as an object.
    strip : Strip, optional
        The signal around its onset.
    """
    found = fhir_r4.bundle(alarm, strip)
    *others, issue = found["entry"]
    by_type = {each["resource"]["resourceType"]: each["fullUrl"] for each in others}
    alert = device_alert(alarm, by_type["Device"], by_type.get("Observation"))
    return {**found, "entry": [*others, {**issue, "resource": alert}]}


def device_alert(
    alarm: Mapping[str, Any], device_url: str, strip_url: str | None = None
) -> fhir_r4.Resource:
    """Write the alarm itself."""
    state = alarm["state"]
    alert: fhir_r4.Resource = {
        "resourceType": "DeviceAlert",
        "identifier": [{"system": fhir_r4.ALARM_IDS, "value": alarm["id"]}],
        "status": "completed" if state in ("ended", "cleared") else "in-progress",
        "priority": {"coding": [{"system": PRIORITIES, "code": alarm["priority"]}]},
        "code": fhir_r4.code(alarm),
        "subject": fhir_r4.subject(alarm),
        "presence": state not in OVER,
        "occurrencePeriod": fhir_r4.period(alarm),
        "device": {"reference": device_url},
        "acknowledged": bool(alarm.get("acknowledgement")),
        "label": fhir_r4.in_words(alarm),
        "signal": [{"activationState": "on", "presence": PRESENCE[state]}],
    }
    if strip_url is not None:
        alert["derivedFrom"] = [{"observation": {"reference": strip_url}}]
    return alert
