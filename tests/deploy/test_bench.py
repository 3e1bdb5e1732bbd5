"""The command ``vigil bench``: what it tells, not how fast anything is."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest

from deploy.cli.main import run
from deploy.services import benchmarks
from deploy.services.benchmarks import Figure
from inference.model import builtin_names

Say = pytest.CaptureFixture[str]


def test_figures_are_told_as_one_object(capsys: Say) -> None:
    assert run(["bench", "codec", "models", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)

    assert told.keys() == {"machine", "figures"}
    assert told["machine"]
    names = [figure["name"] for figure in told["figures"]]
    assert names == ["decode a frame of 1 s", *(f"model {n}, batch 128" for n in builtin_names())]
    for figure in told["figures"]:
        assert figure.keys() == {"name", "value", "unit", "peer", "ratio"}
        assert figure["unit"]
        assert figure["peer"]
        for key in ("value", "ratio"):
            assert math.isfinite(figure[key])
            assert figure[key] > 0


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    def measured() -> Iterator[Figure]:
        yield Figure("sums", 1234.5, "us", "adding by hand", 0.25)

    monkeypatch.setattr(benchmarks, "BENCHMARKS", {"one": measured, "two": measured})


@pytest.mark.usefixtures("pretended")
def test_all_are_measured_where_none_is_named(capsys: Say) -> None:
    assert run(["bench", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["figures"]) == 2


@pytest.mark.usefixtures("pretended")
def test_people_get_a_table(capsys: Say) -> None:
    assert run(["bench", "one"]) == 0
    shown = capsys.readouterr().out
    assert "1.23e+03 us" in shown
    assert "adding by hand" in shown
    assert "0.25" in shown


def test_an_unknown_name_is_bad_input_before_anything_is_measured(capsys: Say) -> None:
    assert run(["bench", "codec", "nope"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "no benchmark 'nope'; there are: start, score, models, codec" in err
    assert "measuring" not in err
