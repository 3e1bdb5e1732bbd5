"""The images' file and the composition: lint, schema, and that what they name is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deploy.docker.dockerfile import lineage, read
from ingest.errors import InputError
from tests.records import ROOT, command

DOCKER = ROOT / "deploy" / "docker"
STAGES = read(DOCKER / "Dockerfile")
TARGETS = ("monitor", "monitor-gpu", "console", "trainer")


def compose() -> dict[str, Any]:
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())  # type: ignore[no-any-return]


def test_the_linter_finds_nothing_in_the_dockerfile() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, DOCKER / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_nobody_in_particular(target: str) -> None:
    last = {
        each.name: each.text for stage in lineage(STAGES, target) for each in stage.instructions
    }
    assert last["USER"] == "10001:10001"
    assert json.loads(last["ENTRYPOINT"]) == ["tini", "--", "vigil"]


def test_what_is_built_without_a_target_is_the_monitor() -> None:
    assert list(STAGES)[-1] == "monitor"


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_takes_its_packages_by_hash_from_a_lock_that_is_there(target: str) -> None:
    steps = " ".join(each.text for each in STAGES[f"build-{target}"].instructions)
    [lock] = re.findall(r"--require-hashes --no-deps -r /src/(\S+)", steps)
    assert "--hash=sha256:" in (ROOT / lock).read_text()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("FROM debian\n", "AS NAME"),
        ("RUN true\n", "RUN"),
        ("FROM debian AS base\nADD x y\n", "ADD"),
    ],
)
def test_a_dockerfile_that_is_not_understood_is_refused(
    tmp_path: Path, text: str, named: str
) -> None:
    (tmp_path / "Dockerfile").write_text(text)
    with pytest.raises(InputError, match=named):
        read(tmp_path / "Dockerfile")


def test_an_unknown_stage_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="trainer"):
        lineage(STAGES, "phone")


def test_the_composition_fits_the_specification() -> None:
    # Of the Compose Specification, Apache 2.0.
    schema = json.loads(Path(__file__).with_name("compose-spec.json").read_text())
    jsonschema.Draft201909Validator(schema).validate(compose())


def test_the_files_that_the_composition_names_are_there() -> None:
    for name, service in compose()["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DOCKER / source).exists(), f"{name}: {source}"
        build = service.get("build")
        if build is not None:
            assert build["target"] in STAGES
            assert (DOCKER / build["context"] / build["dockerfile"]).is_file()


def test_services_and_volumes_that_are_referred_to_are_defined() -> None:
    made = compose()
    for service in made["services"].values():
        assert set(service.get("depends_on", ())) <= set(made["services"])
        assert set(service.get("secrets", ())) <= set(made["secrets"])
        named = {v.split(":")[0] for v in service.get("volumes", ())}
        assert {v for v in named if re.fullmatch(r"\w+", v)} <= set(made["volumes"])


@pytest.mark.parametrize("service", ["monitor", "console", "replay", "archive"])
def test_the_options_of_its_services_are_options(service: str) -> None:
    told = compose()["services"][service]
    words = f"{' '.join(told.get('entrypoint', []))} {' '.join(told.get('command', []))}"
    help_text = subprocess.run(
        command(service, "--help"), capture_output=True, text=True, check=True
    ).stdout
    used = set(re.findall(r"(?<=\s)--[a-z][a-z-]+", words))
    assert used
    assert used <= set(re.findall(r"--[a-z][a-z-]+", help_text))
