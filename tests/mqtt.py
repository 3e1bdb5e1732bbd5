"""Mosquitto for tests: one broker a test, on loopback, with a queue of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from deploy.mqtt.broker import MqttBroker


@pytest.fixture
def mqtt_broker(tmp_path: Path) -> Iterator[MqttBroker]:
    """A running broker that lets anybody in; skips where there is none (in CI that fails)."""
    from deploy.mqtt.broker import MqttBroker
    from deploy.mqtt.mosquitto import MOSQUITTO

    reason = MOSQUITTO.why_not()
    if reason is not None:
        pytest.skip(reason)
    with MqttBroker(tmp_path / "mqtt") as broker:
        yield broker
