"""Topics: what scripts, composition, chart, code and pages name are the topics there are."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.gateway_settings import GatewaySettings
from deploy.kafka.topics import TOPICS
from deploy.settings import load_settings
from tests.deploy.manifests.charts import CHART
from tests.records import ROOT

NAMES = {topic.name for topic in TOPICS}
SCRIPT = ROOT / "deploy" / "kafka" / "topics.sh"
ADDRESS = r"kafka://[^/\s\"'`]+/(ecg[\w.-]*\w)"


def made(folder: Path, **more: str) -> list[list[str]]:
    """What the script would have Kafka's own tool make."""
    tool = folder / "kafka-topics.sh"
    tool.write_text(f'#!/bin/bash\nprintf "%s\\t" "$@" >>{folder}/told\necho >>{folder}/told\n')
    tool.chmod(0o755)
    given = {"SERVERS": "k:9092", "PARTITIONS": "6", "REPLICATION": "3", "KAFKA_TOPICS": str(tool)}
    subprocess.run(["bash", SCRIPT], env={**os.environ, **given, **more}, check=True)
    return [line.rstrip("\t").split("\t") for line in (folder / "told").read_text().splitlines()]


def after(words: list[str], option: str) -> list[str]:
    return [words[i + 1] for i, word in enumerate(words) if word == option]


def test_the_script_makes_the_topics_that_there_are_with_what_each_keeps(tmp_path: Path) -> None:
    told = {}
    for words in made(tmp_path):
        assert "--if-not-exists" in words
        assert after(words, "--replication-factor") == ["3"]
        settings = dict(setting.split("=", 1) for setting in after(words, "--config"))
        [name], [partitions] = after(words, "--topic"), after(words, "--partitions")
        told[name] = (settings, partitions)
    assert told == {t.name: (dict(t.settings), "6" if t.is_spread else "1") for t in TOPICS}


def test_the_script_says_who_it_is_where_kafka_asks(tmp_path: Path) -> None:
    assert all(
        after(words, "--command-config") == ["/c"] for words in made(tmp_path, CLIENT_CONFIG="/c")
    )


def test_the_chart_carries_the_script_that_is_tested() -> None:
    assert (CHART / "topics.sh").read_text() == SCRIPT.read_text()


def texts() -> list[Path]:
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.y*ml")]
    found += [*(ROOT / "deploy").rglob("*.toml"), *(ROOT / "deploy").rglob("*.service")]
    return [*found, *(ROOT / "deploy" / "cli").glob("*.py")]


@pytest.mark.parametrize("path", texts(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_address_of_a_topic_names_one_that_there_is(path: Path) -> None:
    assert set(re.findall(ADDRESS, path.read_text())) <= NAMES


def topics_in(settings: Any) -> set[str]:
    """Values of all keys that name topics, in all tables."""
    found = set()
    for key in type(settings).model_fields:
        value = getattr(settings, key)
        if hasattr(type(value), "model_fields"):
            found |= topics_in(value)
        elif key.startswith("topic") and value:
            found.add(value)
    return found


def test_what_settings_name_by_themselves_is_there(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("")
    named = topics_in(load_settings(tmp_path / "empty.toml")) | topics_in(GatewaySettings())
    assert {"ecg.frames", "ecg.gateway", "ecg.shadow"} <= named <= NAMES


def test_the_monitor_of_the_composition_writes_all_that_may_be_asked_for_later() -> None:
    named = topics_in(load_settings(ROOT / "deploy" / "docker" / "monitor.toml"))
    assert {"ecg.state", "ecg.in-force", "ecg.signals", "ecg.commands"} <= named <= NAMES
