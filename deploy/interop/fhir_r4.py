"""An alarm as FHIR R4: a Bundle of what was found, the strip, and the software that found it.

``DetectedIssue`` is the alarm, ``Observation`` with ``SampledData`` the strip, ``Device``
Vigil with its models. R4B has the same three. The patient is the pseudonym of
the stream, as an identifier: who that is, the receiver knows.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from deploy.interop import mdc
from deploy.interop.strip import Strip, sampled_data

ALARM_IDS = "urn:vigil:alarm"
"""System of an alarm's id."""
STREAM_IDS = "urn:vigil:stream"
"""System of a stream's pseudonym."""
CONDITIONS = "urn:vigil:condition"
"""System of Vigil's names of conditions."""
SEVERITY = {"high": "high", "medium": "moderate", "low": "low"}
"""FHIR's words for the priorities."""

Resource = dict[str, Any]


def bundle(alarm: Mapping[str, Any], strip: Strip | None = None) -> Resource:
    """Write one change of an alarm.

    Parameters
    ----------
    alarm : Mapping
        The alarm's JSON as an object.
    strip : Strip, optional
        The signal around its onset.

    Returns
    -------
    dict
        A Bundle of type ``collection``; the same for the same change.
    """
    device_url = _url(alarm, "device")
    strip_url = None if strip is None else _url(alarm, "strip")
    resources = [(device_url, device(alarm))]
    if strip is not None and strip_url is not None:
        resources.append((strip_url, observation(alarm, strip, device_url)))
    resources.append((_url(alarm, "issue"), detected_issue(alarm, device_url, strip_url)))
    return {
        "resourceType": "Bundle",
        "identifier": {"system": ALARM_IDS, "value": f"{alarm['id']}.{alarm['state']}"},
        "type": "collection",
        "timestamp": alarm["decided"]["utc"],
        "entry": [{"fullUrl": url, "resource": resource} for url, resource in resources],
    }


def device(alarm: Mapping[str, Any]) -> Resource:
    """Write the software that raised the alarm, with its models."""
    models = alarm.get("models") or [alarm["model"]]
    return {
        "resourceType": "Device",
        "deviceName": [{"name": "Vigil", "type": "model-name"}],
        "version": [
            {"type": {"text": f"model {each['name']}"}, "value": f"{each['version']} "
             f"(sha256 {each['digest']})"}
            for each in models
        ],
    }  # fmt: skip


def observation(alarm: Mapping[str, Any], strip: Strip, device_url: str) -> Resource:
    """Write the strip."""
    term = mdc.lead_term(strip.lead)
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {
            "coding": [{"system": mdc.SYSTEM, "code": str(term.code), "display": term.name}],
            "text": f"ECG, lead {strip.lead}",
        },
        "subject": subject(alarm),
        "effectiveDateTime": _strip_begin(alarm),
        "device": {"reference": device_url},
        "valueSampledData": {
            "origin": {
                "value": 0, "unit": "mV", "system": "http://unitsofmeasure.org", "code": "mV",
            },
            "period": round(1000 / strip.fs, 9),
            "factor": round(strip.mv_per_adu, 12),
            "dimensions": 1,
            "data": sampled_data(strip),
        },
    }  # fmt: skip


def detected_issue(
    alarm: Mapping[str, Any], device_url: str, strip_url: str | None = None
) -> Resource:
    """Write the alarm itself."""
    issue: Resource = {
        "resourceType": "DetectedIssue",
        "identifier": [{"system": ALARM_IDS, "value": alarm["id"]}],
        "status": "preliminary",  # nobody has confirmed it
        "code": code(alarm),
        "severity": SEVERITY[alarm["priority"]],
        "patient": subject(alarm),
        "identifiedPeriod": period(alarm),
        "author": {"reference": device_url},
        "detail": in_words(alarm),
    }
    if strip_url is not None:
        issue["evidence"] = [{"detail": [{"reference": strip_url}]}]
    known = alarm.get("acknowledgement")
    if known:
        action: Resource = {
            "action": {"text": "acknowledged"},
            "author": {"display": known["by"]},
        }
        if known["utc"]:
            action["date"] = known["utc"]
        issue["mitigation"] = [action]
    return issue


def code(alarm: Mapping[str, Any]) -> Resource:
    """Write the condition: Vigil's name, and the nomenclature's where one is certain."""
    name = alarm["condition"]
    coding = [{"system": CONDITIONS, "code": name}]
    term = mdc.EVENTS.get(name)
    if term is not None:
        known = {"system": mdc.SYSTEM, "code": str(term.code), "display": term.name}
        coding.insert(0, known)
    return {"coding": coding, "text": name.replace("_", " ")}


def subject(alarm: Mapping[str, Any]) -> Resource:
    """Write whom it is about."""
    return {"identifier": {"system": STREAM_IDS, "value": alarm["stream_id"]}}


def period(alarm: Mapping[str, Any]) -> Resource:
    """Write from when to when the condition held."""
    found = {"start": alarm["onset"]["utc"]}
    if alarm["offset"] is not None:
        found["end"] = alarm["offset"]["utc"]
    return found


def in_words(alarm: Mapping[str, Any]) -> str:
    """Tell an alarm in a line.

    Examples
    --------
    >>> in_words({"condition": "v_run", "state": "raised", "priority": "medium",
    ...     "kind": "physiological", "heart_rate_bpm": 141.6, "limits": {"v_run_beats": 3}})
    'v run raised (medium priority, physiological), heart rate 142 /min; limits: v_run_beats = 3'
    """
    text = f"{alarm['condition'].replace('_', ' ')} {alarm['state']} "
    text += f"({alarm['priority']} priority, {alarm['kind']})"
    rate = alarm["heart_rate_bpm"]
    if rate is not None:
        text += f", heart rate {rate:.0f} /min"
    if "anomaly" in alarm:
        text += f"; {_anomaly_in_words(alarm['anomaly'])}"
    limits = ", ".join(f"{key} = {value:g}" for key, value in sorted(alarm["limits"].items()))
    return f"{text}; limits: {limits}" if limits else text


def _anomaly_in_words(anomaly: Mapping[str, Any]) -> str:
    """Tell what was not as forecast in numerics.

    Examples
    --------
    >>> _anomaly_in_words({"channel": "RESP", "why": "error", "value": 29.0, "rarity": 3.04,
    ...     "limit": 2.84, "forecast": [17.8, 20.5, 23.7]})
    'RESP 29, forecast 17.8 to 23.7'
    >>> _anomaly_in_words({"channel": "HR", "why": "still", "value": 70.0, "rarity": 3.04,
    ...     "limit": 2.84, "forecast": None})
    'HR 70, stands still'
    """
    value, forecast = anomaly["value"], anomaly["forecast"]
    text = str(anomaly["channel"]) + (" gone" if value is None else f" {value:g}")
    if anomaly["why"] == "still":
        return f"{text}, stands still"
    return text if forecast is None else f"{text}, forecast {forecast[0]:g} to {forecast[2]:g}"


def _strip_begin(alarm: Mapping[str, Any]) -> str:
    """Give the UTC time of the strip's first sample, from that of the onset."""
    onset, strip = alarm["onset"], alarm["strip"]
    ahead_s = (onset["sample"] - strip["first_sample"]) / strip["fs"]
    # fromisoformat reads six decimals at most; the strip's begin needs no more.
    at = datetime.fromisoformat(onset["utc"][:26] + "+00:00") - timedelta(seconds=ahead_s)
    return at.isoformat().replace("+00:00", "Z")


def _url(alarm: Mapping[str, Any], what: str) -> str:
    """Name a resource of a bundle, the same in every run."""
    name = f"urn:vigil:{alarm['id']}:{alarm['state']}:{what}"
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}"
