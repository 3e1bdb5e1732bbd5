"""Rules and dashboards: promtool's tests, and that every metric in them really exists."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.debian import Unpacked
from deploy.grafana.boards import BOARDS, as_object, queries
from tests.deploy.manifests.scrape import scrapes
from tests.records import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = yaml.safe_load((PROMETHEUS / "rules" / "vigil.yaml").read_text())["groups"]
PROMTOOL = Unpacked("prometheus", "usr/bin/promtool", PROMETHEUS / "target")


def promtool(*words: object, cwd: Path = PROMETHEUS) -> subprocess.CompletedProcess[str]:
    reason = PROMTOOL.why_not()
    if reason is not None:
        pytest.skip(reason)
    command, environment = PROMTOOL.command()
    return subprocess.run(
        [*command, *map(str, words)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\bvigil[_:][a-z0-9_:]+", expression))


def test_the_rules_are_rules() -> None:
    done = promtool("check", "rules", "rules/vigil.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_do_what_their_tests_say() -> None:
    done = promtool("test", "rules", "tests.yaml", cwd=PROMETHEUS / "rules")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_is_late_fails_its_test(tmp_path: Path) -> None:
    text = (PROMETHEUS / "rules" / "vigil.yaml").read_text()
    (tmp_path / "vigil.yaml").write_text(
        text.replace("> 10\n        for: 30s", "> 10\n        for: 1h")
    )
    (tmp_path / "tests.yaml").write_text((PROMETHEUS / "rules" / "tests.yaml").read_text())
    assert promtool("test", "rules", "tests.yaml", cwd=tmp_path).returncode != 0


def test_the_configuration_is_one() -> None:
    done = promtool("check", "config", "--syntax-only", "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def existing(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names that a scrape of the services has, and those that rules record."""
    names: set[str] = set()
    for page in scrapes(tmp_path_factory.mktemp("gateway")):
        for name, kind in re.findall(r"# TYPE (\S+) (\S+)", page):
            suffixes = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
            names |= {name + suffix for suffix in ("", *suffixes.get(kind, ()))}
    return names | {
        rule["record"] for group in RULES for rule in group["rules"] if "record" in rule
    }


def test_every_metric_in_a_rule_exists(existing: set[str]) -> None:
    for group in RULES:
        for rule in group["rules"]:
            assert metrics_in(rule["expr"]) <= existing, rule


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_every_metric_in_a_dashboard_exists(board: object, existing: set[str]) -> None:
    wanted = {name for query in queries(board) for name in metrics_in(query)}  # type: ignore[arg-type]
    assert wanted
    assert wanted <= existing


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_the_dashboards_are_those_of_the_code(board: object) -> None:
    path = ROOT / "deploy" / "grafana" / "dashboards" / f"{board.uid}.json"  # type: ignore[attr-defined]
    assert json.loads(path.read_text()) == as_object(board)  # type: ignore[arg-type]


def test_every_alert_has_its_runbook() -> None:
    page = (ROOT / "docs" / "runbooks.md").read_text()
    titles = {line.removeprefix("## ").lower() for line in page.splitlines() if line[:3] == "## "}
    alerts = [rule for group in RULES for rule in group["rules"] if "alert" in rule]
    assert {rule["alert"].lower() for rule in alerts} == titles
    for rule in alerts:
        assert rule["annotations"]["runbook"] == f"docs/runbooks.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}
