"""From what streams send to figures of patients: windows, looks, alarms, verdicts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deploy.drift.declaration import DriftDeclaration, load_declaration
from deploy.drift.look import look_at
from deploy.drift.patient import read_patient
from deploy.drift.places import Place, read_places
from deploy.drift.stays import Stays
from ingest.errors import InputError
from ingest.frames import Lead
from tests.deploy.drift.patients import frames

MINUTES = DriftDeclaration(window_min=2.0, verdict_wait_h=1.0)


def alarm(number: int, at_s: int, state: str = "raised", score: float | None = 0.8) -> dict:
    return {
        "id": f"{number:032x}", "stream_id": "p", "state": state, "kind": "physiological",
        "priority": "high", "score": score,
        "decided": {"utc": f"1970-01-01T00:{at_s // 60:02d}:{at_s % 60:02d}.000000000Z"},
    }  # fmt: skip


def heard(name: str = "p", seconds: float = 170.0) -> Stays:
    stays = Stays(MINUTES, {"p": Place("icu", "D-1")})
    stays.hear(frames(name, seconds))
    return stays


def test_figures_come_when_the_window_is_over_and_only_once() -> None:
    stays = Stays(MINUTES, {})
    sent = frames("p", 170.0)
    stays.hear(sent[:140])
    assert stays.due() == []
    stays.hear(sent[140:])
    (one,) = stays.due()
    assert one.stream_id == "p"
    assert 0 < one.figures["quality"] <= 1
    assert one.figures["amplitude_uv"] > 100
    stays.hear(frames("p", 170.0))
    assert stays.due() == []


def test_a_patient_that_was_counted_before_a_restart_is_not_counted_again() -> None:
    stays = Stays(MINUTES, {}, counted=["p"])
    stays.hear(frames("p", 170.0))
    assert stays.due() == []


def test_a_monitor_that_is_behind_is_waited_for() -> None:
    stays = Stays(MINUTES, {}, waits_for_beats=True)
    stays.hear(frames("p", 170.0))
    stays.beat("p", 60.0, "N", 800, 0.9, "II")
    assert stays.due() == []
    stays.beat("p", 121.0, "N", 800, 0.9, "II")
    assert [one.stream_id for one in stays.due()] == ["p"]


def test_too_short_a_stay_gives_nothing_and_is_told() -> None:
    stays = Stays(MINUTES, {})
    stays.hear(frames("p", 30.0))
    assert stays.finish() == []
    assert stays.too_short == 1


def test_only_alarms_that_were_raised_in_the_window_count() -> None:
    stays = Stays(MINUTES, {})
    sent = frames("p", 170.0)
    stays.hear(sent[:100])
    for told in (alarm(1, 10), alarm(1, 20, "ended"), alarm(2, 90), alarm(3, 150)):
        stays.alarm_message(told)
    stays.hear(sent[100:])
    (one,) = stays.due()
    assert one.figures["alarms_per_h"] == pytest.approx(2 * 3600 / 120)


def test_beats_of_the_window_give_rate_scores_and_lead() -> None:
    stays = heard()
    for i in range(100):
        stays.beat("p", float(i), "V" if i < 10 else "N", 1000, 0.5 if i < 20 else 1.0, "V5")
    stays.beat("p", 125.0, "S", 400, 0.1, "II")
    stays.beat("unheard", 5.0, "N", 800, 0.9, "II")
    (one,) = stays.due()
    assert one.figures["heart_rate_bpm"] == 60
    assert one.figures["unsure"] == pytest.approx(0.2)
    assert one.figures["ventricular"] == pytest.approx(0.1)
    assert one.figures["lead"] == "V5"
    assert (one.site, one.device) == ("icu", "D-1")


def test_verdicts_are_waited_for_and_the_last_word_counts() -> None:
    stays = Stays(MINUTES, {})
    stays.hear(frames("p", 170.0))
    stays.alarm_message(alarm(1, 10, score=0.9))
    stays.alarm_message(alarm(2, 20, score=None))
    assert [list(one.figures)[-1] for one in stays.due()] == ["technical_per_h"]
    for number, said in ((1, "true"), (2, "true"), (2, "artefact"), (7, "false")):
        stays.verdict_message({"alarm_id": f"{number:032x}", "verdict": said})
    assert stays.due() == []
    late = replace(frames("other", 3.0)[0], start_unix_ns=2 * 3600 * 10**9)
    stays.hear([late])
    (one,) = stays.due()
    assert one.figures == {"false_alarms": 0.5, "overconfidence": pytest.approx(-0.1)}


def test_a_line_of_figures_reads_back_as_it_was() -> None:
    (one,) = heard().due()
    assert read_patient(one.line()) == one


HUGE = '{"schema":"vigil.drift-patient/1","stream_id":"p","utc_s":%s,"figures":{"quality":%s}}'


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"schema":"other/1"}',
        '{"schema":"vigil.drift-patient/1"}',
        HUGE % (10**400, 1),
        HUGE % (1, 10**400),
    ],
)
def test_a_line_of_something_else_is_refused(line: str) -> None:
    with pytest.raises(InputError):
        read_patient(line)


def test_a_look_sees_gain_noise_and_polarity() -> None:
    sent = frames("p", 40.0)[10:24]
    adu = np.concatenate([frame.samples[0] for frame in sent])
    lead, fs = Lead("II"), sent[0].fs
    plain, half = look_at(adu, fs, lead), look_at((adu // 2).astype(np.int16), fs, lead)
    assert half.amplitude_uv == pytest.approx(plain.amplitude_uv / 2, rel=0.1)
    noise = np.random.default_rng(1).normal(0, 40, len(adu))
    noisy = look_at((adu + noise).astype(np.int16), fs, lead)
    assert noisy.fast_share > 2 * plain.fast_share
    assert noisy.quality < plain.quality
    turned = look_at((-adu).astype(np.int16), fs, lead)
    assert turned.uprightness == pytest.approx(-plain.uprightness, abs=0.1)


def test_a_flat_line_says_nothing_of_the_spectrum() -> None:
    flat = look_at(np.zeros(3000, np.int16), 250.0, Lead("II"))
    assert flat.median_frequency_hz is None
    assert flat.unreadable == 1.0


def test_places_and_declarations_that_cannot_be_used_are_refused(tmp_path) -> None:
    table = tmp_path / "places.csv"
    table.write_text("stream_id,site\np1,icu\n")
    assert read_places(table) == {"p1": Place("icu")}
    table.write_text("patient,site\np1,icu\n")
    with pytest.raises(InputError, match="stream_id"):
        read_places(table)
    toml = tmp_path / "drift.toml"
    toml.write_text("alpha = 0.9\n")
    with pytest.raises(InputError, match="alpha"):
        load_declaration(toml)
    toml.write_text("window_min = 5.0\n")
    assert load_declaration(toml).window_min == 5
