"""Pulses are matched to beats one to one, by the delay that suits a record."""

from __future__ import annotations

import numpy as np
import pytest

from inference.pulse_leads import PulseKind
from training.pulse_scoring import LeadScore, main, matched, page


def test_each_pulse_serves_one_beat_and_each_beat_one_pulse():
    beats_ms = np.array([0, 800, 1600, 2400])

    assert matched(beats_ms, beats_ms + 500) == 4
    assert matched(beats_ms, np.array([500, 500, 500])) == 1
    assert matched(beats_ms, np.array([500, 1300, 2600])) == 2


def test_the_page_adds_up_records_by_lead():
    score = LeadScore("r1", PulseKind.PPG, 90, 100, 100, True, 50, 25)
    other = LeadScore("r2", PulseKind.PPG, 100, 100, 100, False, 50, 50)
    pressure = LeadScore("r1", PulseKind.PRESSURE, 1, 2, 1, True, 4, 3)
    told = page([score, other, pressure])

    assert "| ppg | 2 | 200 | 95.00 | 95.00 | 100 | 75.0 |" in told
    assert (
        "| ppg, where xqrs agrees with the monitor | 1 | 100 | 90.00 | 90.00 | 50 | 50.0 |" in told
    )


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_command_writes_its_page(data_dir, tmp_path, capsys):
    for suffix in (".hea", ".dat", "n.hea", "n.dat"):
        for name in ("bidmc01", "bidmc04"):
            (tmp_path / f"{name}{suffix}").symlink_to(data_dir / "bidmc" / f"{name}{suffix}")
    main([str(tmp_path), "--out", str(tmp_path / "pulses.md")])

    assert "| ppg | 2 |" in (tmp_path / "pulses.md").read_text()
    assert "| pressure | 1 |" in capsys.readouterr().out
