"""Fold models: DS2 is learned from beside DS1 only where an audit asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import InputError
from training.adaptation.folds import with_ds2, write_folds
from training.config import load_config
from training.splits import DS1, DS2

BEAT = Path(__file__).parents[3] / "training" / "configs" / "beat.toml"


def test_ds2_stands_beside_ds1_and_nothing_else_changes() -> None:
    run = load_config(BEAT)
    found = with_ds2(run)
    mitdb, cinc = found.data.parts
    assert mitdb.records == (*DS1, *DS2)
    assert cinc == run.data.parts[1]
    assert found.fit == run.fit
    assert run.data.parts[0].records == "ds1"


@pytest.mark.data
def test_without_a_reason_ds2_is_refused(data_dir: Path, tmp_path: Path) -> None:
    run = load_config(BEAT)
    mitdb = run.data.parts[0].model_copy(update={"records": ("100",), "leads": (0,)})
    data = run.data.model_copy(update={"sources": (mitdb,)})
    with pytest.raises(InputError, match=r"record 100 .* is of DS2"):
        write_folds(run.model_copy(update={"data": data}), data_dir, tmp_path, 2)
