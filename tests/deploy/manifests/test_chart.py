"""The Helm chart: lint, schemas of Kubernetes, and that its settings are settings."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.archive_settings import load_archive_settings
from deploy.kafka.topics import TOPICS
from deploy.settings import load_settings
from ingest.errors import InputError
from tests.deploy.manifests.charts import CHART, rendered
from tests.deploy.manifests.test_topics import topics_in

EVERYTHING: dict[str, Any] = {
    "existingSecret": "vigil-secrets",
    "monitor": {"gpu": True, "arguments": ["--shadow=/etc/vigil-secrets/candidate.onnx"]},
    "scaling": {"enabled": True},
    "metrics": {"enabled": True},
    "settings": {"limits": {"asystole_s": 3.5}},
    "topics": {"create": True, "clientConfigKey": "client.properties"},
    "network": {"egress": [{"ports": [{"protocol": "TCP", "port": 443}]}]},
    "numerics": {"enabled": True, "falseAlarmsPerHour": 8},
    "archive": {
        "enabled": True,
        "url": "s3://ecg/ward",
        "secretKey": "archive",
        "environmentKeys": ["AWS_SECRET_ACCESS_KEY"],
        "settings": {"archive": {"keep_days": 90}},
    },
    "console": {"databaseSecretKey": "database", "ingress": {"enabled": True}},
}
PODS = ("StatefulSet", "Job")
KUBERNETES = ("1.30", "1.34")
CRDS = Path(__file__).parent / "crds"
OPERATORS = ("keda.sh/v1alpha1", "monitoring.coreos.com/v1")
"""Kinds of other projects, whose schemas Kubernetes' own do not hold."""


@pytest.fixture(scope="module")
def plain() -> list[dict[str, Any]]:
    return rendered()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    values = tmp_path_factory.mktemp("chart") / "values.yaml"
    values.write_text(yaml.safe_dump(EVERYTHING))
    return rendered(values)


def one(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    [found] = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


@pytest.mark.parametrize("which", ["plain", "full"])
@pytest.mark.parametrize("version", KUBERNETES)
def test_all_objects_fit_the_schemas_of_kubernetes(
    which: str, version: str, request: pytest.FixtureRequest
) -> None:
    for made in request.getfixturevalue(which):
        if made["apiVersion"] not in OPERATORS:
            kubernetes_validate.validate(made, version, strict=True)


def of_operators(objects: list[dict[str, Any]]) -> list[str]:
    """What the schemas that KEDA and the Prometheus operator publish say of their objects."""
    if not (CRDS / "node_modules").is_dir() or shutil.which("node") is None:
        pytest.skip("no schemas of the operators: make test fetches them by npm")
    done = subprocess.run(
        ["node", "validate.mjs"], cwd=CRDS, input=json.dumps(objects), capture_output=True,
        text=True, timeout=110, check=True,
    )  # fmt: skip
    told: list[str] = json.loads(done.stdout)
    return told


def test_objects_of_operators_fit_their_published_schemas(full: list[dict[str, Any]]) -> None:
    theirs = [made for made in full if made["apiVersion"] in OPERATORS]
    kinds = {made["kind"] for made in theirs}
    assert {"ScaledObject", "PodMonitor", "PrometheusRule"} <= kinds
    assert of_operators(theirs) == [""] * len(theirs)
    scaled = next(made for made in theirs if made["kind"] == "ScaledObject")
    rules = next(made for made in theirs if made["kind"] == "PrometheusRule")
    spec = {**scaled["spec"], "pollingInterval": "often"}
    group = {**rules["spec"]["groups"][0], "rules": [{"expr": "up"}, {"alert": 3}]}
    broken = [{**scaled, "spec": spec}, {**rules, "spec": {"groups": [group]}}]
    assert all(of_operators(broken))


def test_an_object_that_does_not_fit_is_told(plain: list[dict[str, Any]]) -> None:
    broken = one(plain, "StatefulSet", "ward-monitor")
    broken = {**broken, "spec": {**broken["spec"], "replica": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES[0], strict=True)


def test_the_settings_that_it_writes_are_settings(
    full: list[dict[str, Any]], tmp_path: Path
) -> None:
    told = one(full, "ConfigMap", "ward-settings")["data"]
    (tmp_path / "monitor.toml").write_text(told["monitor.toml"])
    settings = load_settings(tmp_path / "monitor.toml")
    assert settings.limits == {"asystole_s": 3.5}
    assert settings.models.providers == ("cuda", "cpu")
    assert topics_in(settings) <= {topic.name for topic in TOPICS}
    assert settings.kafka.topic_in_force == "ecg.in-force"
    assert (settings.numerics.enabled, settings.numerics.false_alarms_per_h) == (True, 8.0)
    (tmp_path / "archive.toml").write_text(told["archive.toml"])
    archive = load_archive_settings(tmp_path / "archive.toml")
    assert archive.archive.keep_days == 90
    assert archive.archive.address() == "s3://ecg/ward"
    assert str(archive.archive.secret_file) == "/etc/vigil-secrets/archive"
    assert topics_in(archive) <= {topic.name for topic in TOPICS}


def test_what_is_not_asked_for_is_not_there(plain: list[dict[str, Any]]) -> None:
    assert not [made for made in plain if made["metadata"]["name"] == "ward-archive"]
    assert "archive.toml" not in one(plain, "ConfigMap", "ward-settings")["data"]


def test_the_archive_reaches_kafka_and_is_reached_by_who_scrapes(
    full: list[dict[str, Any]],
) -> None:
    policy = one(full, "NetworkPolicy", "ward-archive")["spec"]
    [door] = policy["ingress"]
    assert [port["port"] for port in door["ports"]] == [9466]
    assert len(door["from"]) == 1
    let_out = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert {53, 9092} <= set(let_out)
    assert 5432 not in let_out
    pod = one(full, "StatefulSet", "ward-archive")["spec"]["template"]["spec"]
    mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert {"settings", "data", "temporary", "secrets"} == mounted
    assert one(full, "Service", "ward-archive")["spec"]["ports"][0]["port"] == 9466


def test_secrets_of_the_archive_need_a_secret(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"archive": {"enabled": True, "secretKey": "archive"}}))
    with pytest.raises(InputError, match="existingSecret must hold the archive's secrets"):
        rendered(values)


def test_pods_run_as_nobody_and_may_write_nowhere_but_in_their_volumes(
    full: list[dict[str, Any]],
) -> None:
    for made in full:
        if made["kind"] in PODS:
            pod = made["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            for container in pod["containers"]:
                assert container["securityContext"]["readOnlyRootFilesystem"] is True
                assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_pod_has_the_time_to_drain_and_probes(full: list[dict[str, Any]]) -> None:
    pod = one(full, "StatefulSet", "ward-monitor")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 30
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(pod["containers"][0])


def test_scaling_follows_the_lag_and_gives_up_workers_slowly(full: list[dict[str, Any]]) -> None:
    spec = one(full, "ScaledObject", "ward-monitor")["spec"]
    assert "vigil_lag_seconds" in spec["triggers"][0]["metadata"]["query"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 1800
    assert spec["scaleTargetRef"] == {"kind": "StatefulSet", "name": "ward-monitor"}
    assert "replicas" not in one(full, "StatefulSet", "ward-monitor")["spec"]


def test_every_pod_has_a_policy_of_the_network(full: list[dict[str, Any]]) -> None:
    pods = {
        made["metadata"]["labels"]["app.kubernetes.io/component"]
        for made in full
        if made["kind"] in PODS
    }
    policies = [made["spec"] for made in full if made["kind"] == "NetworkPolicy"]
    covered = {p["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for p in policies}
    assert covered == pods
    assert all(sorted(p["policyTypes"]) == ["Egress", "Ingress"] for p in policies)


def test_the_console_may_read_the_metrics_of_the_workers(plain: list[dict[str, Any]]) -> None:
    wanted = {"protocol": "TCP", "port": 9464}
    told = {
        name: one(plain, "NetworkPolicy", f"ward-{name}")["spec"] for name in ("monitor", "console")
    }
    peers = {
        name: one(plain, "StatefulSet", f"ward-{name}")["spec"]["selector"]["matchLabels"]
        for name in told
    }
    [leave] = [rule for rule in told["console"]["egress"] if wanted in rule["ports"]]
    assert leave["to"] == [{"podSelector": {"matchLabels": peers["monitor"]}}]
    [enter] = [rule for rule in told["monitor"]["ingress"] if wanted in rule["ports"]]
    assert {"podSelector": {"matchLabels": peers["console"]}} in enter["from"]


def test_topics_are_made_where_that_is_asked(
    plain: list[dict[str, Any]], full: list[dict[str, Any]]
) -> None:
    assert not [made for made in plain if made["kind"] == "Job"]
    [job] = [made for made in full if made["kind"] == "Job"]
    [container] = job["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each["value"] for each in container["env"]}
    assert told["SERVERS"] == "kafka-bootstrap.kafka:9092"
    assert told["CLIENT_CONFIG"] == "/etc/vigil-secrets/client.properties"
    script = one(full, "ConfigMap", "ward-topics")["data"]["topics.sh"]
    assert script.strip() == (CHART / "topics.sh").read_text().strip()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"kafka": {"servers": "kafka"}}, "servers"),
        ({"monitor": {"replica": 2}}, "replica"),
        ({"scaling": {"calmSeconds": 1}}, "calmSeconds"),
        ({"console": {"databaseSecretKey": "database"}}, "existingSecret"),
        ({"topics": {"create": True, "clientConfigKey": "client"}}, "existingSecret"),
        ({"topics": {"partitions": 0}}, "partitions"),
    ],
)
def test_values_that_cannot_be_are_refused_by_name(
    values: dict[str, Any], named: str, tmp_path: Path
) -> None:
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(InputError, match=named):
        rendered(tmp_path / "values.yaml")


def test_the_chart_carries_the_rules_that_are_tested() -> None:
    rules = CHART.parents[1] / "prometheus" / "rules" / "vigil.yaml"
    assert (CHART / "rules" / "vigil.yaml").read_text() == rules.read_text()
