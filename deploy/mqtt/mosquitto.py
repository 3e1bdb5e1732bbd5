"""Mosquitto, the MQTT broker of the tests: the system's, or Debian's, unpacked here."""

from __future__ import annotations

from pathlib import Path

from deploy.debian import Unpacked

MOSQUITTO = Unpacked("mosquitto", "usr/sbin/mosquitto", Path(__file__).parent / "target")
"""The broker; :meth:`~deploy.debian.Unpacked.beside` gives its tools."""

if __name__ == "__main__":
    print(*MOSQUITTO.command()[0])
