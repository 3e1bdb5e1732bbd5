"""What may tell VT from VF, and how that is counted."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.errors import InputError
from training.shockable_names import cycle, greater, interval, main


def test_noise_has_no_cycle_that_comes_again_and_a_beat_has_its_own():
    rng = np.random.default_rng(0)
    beat = np.exp(-0.5 * ((np.arange(40) - 20) / 4) ** 2)

    length_s, alike = cycle(np.tile(beat, 13)[:500].astype(np.float32))
    assert length_s == 40 / 125
    assert alike > 0.99
    assert cycle(rng.standard_normal(500).astype(np.float32))[1] < 0.3


def test_patients_weigh_alike_however_many_stretches_they_have():
    vt = {"a": {"m": np.ones(1)}, "b": {"m": np.zeros(1000)}}
    pairs = greater(vt, {"c": {"m": np.full(7, 0.5)}}, "m")

    assert pairs.tolist() == [[1.0], [0.0]]
    assert interval(pairs) == (0.0, 1.0)


def test_folds_that_are_not_there_are_named(tmp_path):
    (tmp_path / "vfdb").mkdir()
    (tmp_path / "vfdb" / "9.hea").touch()
    (tmp_path / "vfdb" / "9.atr").touch()

    with pytest.raises(InputError, match=r"abc-9\.npz is not there"):
        main(["--folds", "abc", "--data", str(tmp_path), "--kept", str(tmp_path)])
