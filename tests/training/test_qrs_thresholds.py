"""The curve over thresholds: at the shipped threshold, exactly what is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference import model
from ingest.errors import InputError
from ingest.wfdb_replay import open_recording
from tests.training.databases import NAMES
from training import qrs_thresholds
from training.assessment.scoring import find_beats
from training.qrs_thresholds import find_at


def test_the_shipped_threshold_gives_the_served_beats_and_higher_ones_fewer(data: Path) -> None:
    recordings = {name: open_recording(data / "simdb" / name) for name in NAMES[:2]}
    shipped = model.load(model.builtin("qrs"))[1].thresholds["R"]
    found = find_at(recordings, (0.02, shipped, 0.98))
    served = find_beats(recordings)
    for name, recording in recordings.items():
        samples = [round(ms * recording.fs / 1000) for ms in found[shipped][name]]
        assert len(samples) == len(served[name].sample)
        pairs = zip(samples, served[name].sample, strict=True)
        assert all(abs(a - b) <= 1 for a, b in pairs), "rounding apart"
        counts = [len(found[threshold].get(name, [])) for threshold in (0.02, shipped, 0.98)]
        assert counts == sorted(counts, reverse=True)
        assert counts[0] > counts[2]


@pytest.mark.parametrize("records", ["all", "ds2", "101,100"])
def test_no_threshold_is_chosen_on_ds2(records: str) -> None:
    with pytest.raises(InputError, match="no threshold is chosen on DS2"):
        qrs_thresholds.main(["--records", records, "--data", "/nonexistent"])
