"""What a system counts, as numbers by name: from a registry here, or from a process elsewhere."""

from __future__ import annotations

import math
import urllib.error
import urllib.request
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.parser import text_string_to_metric_families

from ingest.errors import InputError

TIMEOUT_S = 3.0
"""Longest wait for another process, s."""


def of_registry(registry: CollectorRegistry) -> dict[str, float]:
    """Read a registry; histograms by count and sum.

    Examples
    --------
    >>> from prometheus_client import Counter
    >>> registry = CollectorRegistry()
    >>> Counter("vigil_beats", "Beats.", ["aami"], registry=registry).labels("V").inc(2)
    >>> of_registry(registry)
    {'vigil_beats_total{aami="V"}': 2.0}
    """
    return _numbers(registry.collect())


def of_address(url: str) -> dict[str, float]:
    """Read the metrics that a process serves.

    Raises
    ------
    InputError
        If it does not answer, or not with metrics.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError(f"metrics address {url!r} must begin with http:// or https://")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310  # checked
            text = answer.read().decode("utf-8")
        return _numbers(text_string_to_metric_families(text))
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise InputError(f"no metrics at {url}: {error}") from error


def _numbers(families: Iterable[Metric]) -> dict[str, float]:
    found = {}
    for family in families:
        for sample in family.samples:
            if sample.name.endswith(("_bucket", "_created")) or not math.isfinite(sample.value):
                continue
            labels = ",".join(f'{k}="{v}"' for k, v in sample.labels.items())
            found[sample.name + (f"{{{labels}}}" if labels else "")] = float(sample.value)
    return found
