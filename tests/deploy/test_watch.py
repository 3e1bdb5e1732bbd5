"""The command ``vigil watch``: figures by group from alarms and feedback, as files grow."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.cli.main import run
from deploy.services.lines import FileLines
from deploy.services.watch import WatchPaths, WatchService
from fairness.live.events import Alarm, Feedback, read_event
from fairness.live.reading import Alert
from tests.brokers import fresh_topic
from tests.fairness.live.events import HOUR, alarm_line, feedback_line, people, ward
from tests.records import write_ward

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster


def written(folder: Path, n: int, women: float, men: float, toml: str = "") -> WatchPaths:
    """Write a ward's alarms and feedback, its subjects and a declaration."""
    people(n).to_csv(folder / "people.csv", index=False)
    (folder / "watch.toml").write_text(f'{toml}\n[[groups]]\nattribute = "sex"\n')
    alarms, feedback = [], []
    for event in ward(n, {"F": women, "M": men}, seed=4):
        if isinstance(event, Alarm):
            alarms.append(alarm_line(event.alarm_id, event.patient, event.at_s))
        elif isinstance(event, Feedback):
            feedback.append(feedback_line(event.alarm_id, event.verdict, event.at_s))
    alarms.append(alarm_line("last", "p0", (n + 48) * HOUR))
    (folder / "alarms.jsonl").write_text("\n".join([*alarms, ""]))
    (folder / "feedback.jsonl").write_text("\n".join([*feedback, ""]))
    return WatchPaths(
        str(folder / "alarms.jsonl"),
        str(folder / "feedback.jsonl"),
        folder / "people.csv",
        folder / "watch.toml",
    )


def argv(paths: WatchPaths, *more: str) -> list[str]:
    return [
        "watch",
        *("--alarms", paths.alarms, "--feedback", str(paths.feedback)),
        *("--subjects", str(paths.subjects), "--declaration", str(paths.declaration), *more),
    ]


@pytest.mark.parametrize(
    ("n", "women", "code", "verdict"),
    [(400, 0.85, 1, "fail"), (400, 0.3, 0, "pass"), (20, 0.3, 3, "insufficient evidence")],
)
def test_the_exit_code_is_the_verdict(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    n: int,
    women: float,
    code: int,
    verdict: str,
) -> None:
    paths = written(tmp_path, n, women, 0.3)
    assert run(argv(paths, "--once", "--json")) == code
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == verdict
    assert len(told["alerts"]) == (code == 1)
    assert all(one["group"] in ("F", "M") for one in told["groups"])
    assert "p0" not in json.dumps(told)


def test_an_alert_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv(written(tmp_path, 400, 0.85, 0.3), "--once")) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("alert: in sex F, ")
    assert last == "verdict: fail"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("watch.toml", "margin = 0", "greater than 0"),
        ("watch.toml", "groups = 3", "groups"),
        ("watch.toml", 'conditions = ["asystol"]\n[[groups]]\nattribute = "sex"', "about asystol;"),
        ("people.csv", "patient,sex\np0,F\n", "fewer than two groups"),
        ("people.csv", "patient\np0\n", "no column sex"),
        ("alarms.jsonl", None, "cannot read"),
    ],
)
def test_bad_input_exits_2(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: str | None,
    told: str,
) -> None:
    paths = written(tmp_path, 4, 0.5, 0.5)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(content)
    assert run(argv(paths, "--once")) == 2
    assert told in capsys.readouterr().err


def test_lines_that_are_no_events_are_counted_and_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = written(tmp_path, 30, 0.5, 0.5)
    with (tmp_path / "feedback.jsonl").open("a") as file:
        file.write('\nnonsense\n{"verdict": "maybe"}\n')
    run(argv(paths, "--once", "--json"))
    assert json.loads(capsys.readouterr().out)["ignored"] == {"unreadable": 2}


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("one\ntw")
    lines = FileLines(path)
    assert lines.poll() == [b"one\n"]
    assert lines.poll() == []
    with path.open("a") as file:
        file.write("o\n\nthree")
    assert lines.poll() == [b"two\n"]
    lines.close()
    whole = FileLines(path, whole=True)
    assert whole.poll() == [b"one\n", b"two\n", b"three"]
    whole.close()


def followed(paths: WatchPaths, until: int) -> tuple[str, list[Alert]]:
    """Run a live watch until it shows so many patients; return its page of metrics."""
    alerts: list[Alert] = []
    service = WatchService(paths, alerts.append, http_port=0)
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        for _ in range(200):
            address = f"http://127.0.0.1:{service.http_port}/metrics"
            page = urllib.request.urlopen(address, timeout=5).read().decode()
            if (
                f'vigil_fairness_patients{{attribute="sex",condition="all",group="F"}} {until}'
                in page
            ):
                return page, alerts
            time.sleep(0.05)
        raise AssertionError(page)
    finally:
        service.stop()
        thread.join(10)


def test_live_metrics_name_groups_and_no_patients(tmp_path: Path) -> None:
    page, alerts = followed(written(tmp_path, 400, 0.85, 0.3), until=200)
    assert "vigil_fairness_state" in page
    assert not any(f'"p{i}"' in page for i in range(400))
    assert [alert.reading.group for alert in alerts] == ["F"]


@pytest.mark.kafka
def test_topics_are_read_from_their_start(kafka_cluster: KafkaCluster, tmp_path: Path) -> None:
    from ingest.kafka import KafkaSink

    paths = written(tmp_path, 60, 0.5, 0.5)
    urls = {}
    for kind in ("alarms", "feedback"):
        urls[kind] = fresh_topic(kafka_cluster, kind=kind)
        sink = KafkaSink(urls[kind])
        for line in (tmp_path / f"{kind}.jsonl").read_bytes().splitlines():
            sink.write("ward", line)
        sink.close()
    topics = WatchPaths(urls["alarms"], urls["feedback"], paths.subjects, paths.declaration)
    page, _ = followed(topics, until=30)
    assert "vigil_fairness_false_alarm_share" in page


def test_alarms_are_read_as_the_pipeline_writes_them(tmp_path: Path) -> None:
    paths = [str(path) for path in write_ward(tmp_path, 4, duration_s=60)]
    assert run(["score", *paths, "--out", str(tmp_path / "out"), "--jobs", "1"]) == 0
    lines = [
        line
        for path in (tmp_path / "out").glob("*.alarms.jsonl")
        for line in path.read_bytes().splitlines()
    ]
    told = [json.loads(line) for line in lines]
    wanted = {
        one["id"] for one in told if (one["state"], one["kind"]) == ("raised", "physiological")
    }
    assert wanted
    events = [event for line in lines if (event := read_event(line)) is not None]
    assert {event.alarm_id for event in events if isinstance(event, Alarm)} == wanted
    assert len(events) == len(wanted)
