"""A split with a fault is refused by name; a sound one passes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import InputError
from training.config import load_config
from training.datasets import LabelledSignal
from training.ec57 import read_annotations
from training.guard import Look, Split, held_out
from training.guard.held_out import DS2_BEATS, beats_print
from training.labels import aami_codes
from training.splits import DS1, DS2


def test_a_sound_split_passes_and_names_its_patients(signals: list[LabelledSignal]) -> None:
    split = Split(signals[:4], signals[4:5])
    assert split.training_patients == ["simdb/ada", "simdb/bea"]
    assert split.validation_patients == ["simdb/cat"]


def test_one_person_of_two_records_may_not_stand_on_both_sides(
    signals: list[LabelledSignal],
) -> None:
    twin = replace(signals[2], patient=signals[0].patient)
    with pytest.raises(InputError, match="patient simdb/ada is in both 'training' and 'valid"):
        Split(signals[:1], [twin])


def test_a_random_split_of_beats_is_refused_as_such(signals: list[LabelledSignal]) -> None:
    whole = signals[0]
    even, odd = (
        replace(whole, r_ms=whole.r_ms[part::2], aami=whole.aami[part::2]) for part in (0, 1)
    )
    with pytest.raises(InputError, match="beats of record ada are on both sides"):
        Split([even], [odd])


@pytest.mark.parametrize("side", ["training", "validation"])
@pytest.mark.parametrize("record", ["100", "232"])
def test_ds2_stands_on_no_side(signals: list[LabelledSignal], side: str, record: str) -> None:
    barred = replace(signals[0], name=record, patient=f"mitdb/{record}")
    parts = {"training": [signals[2]], "validation": [signals[4]]} | {side: [barred]}
    with pytest.raises(InputError, match=rf"record {record} .* is of DS2, .* here {side}"):
        Split(**parts)
    elsewhere = replace(barred, patient=f"mine/{record}")
    Split(**(parts | {side: [elsewhere]}))


def test_ds2_is_learned_from_only_with_a_reason(signals: list[LabelledSignal]) -> None:
    barred = replace(signals[0], name="100", patient="mitdb/100")
    split = Split([barred], [signals[4]], Look("audit of all of mitdb by leaving patients out"))
    assert split.training_patients == ["mitdb/100"]
    with pytest.raises(InputError, match="needs a reason"):
        Split([barred], [signals[4]], Look(" "))


def test_beats_out_of_time_order_are_refused(signals: list[LabelledSignal]) -> None:
    one = signals[0]
    by_label = np.argsort(one.aami, kind="stable")
    sorted_ = replace(one, r_ms=one.r_ms[by_label], aami=one.aami[by_label])
    with pytest.raises(InputError, match="record ada: beats are not in time order"):
        Split([sorted_])
    grouped = replace(one, aami=np.sort(np.tile([0, 1, 2], 99)[: len(one.aami)]).astype(np.int8))
    with pytest.raises(InputError, match="beats are grouped by label in ada"):
        Split([grouped])


def test_a_look_needs_a_reason() -> None:
    assert Look("release of 1.1.0").why == "release of 1.1.0"
    for wrong in ("", "  ", "two\nlines", "a | b"):
        with pytest.raises(InputError, match="needs a reason that can be logged"):
            Look(wrong)


def mitdb_beats(folder: Path, record: str) -> np.ndarray:
    notes = read_annotations(folder, record, "atr", 360.0)
    beats = aami_codes(notes.symbol) >= 0
    return np.rint(notes.sample[beats] * 1000 / 360).astype(np.int64)


@pytest.mark.data
def test_a_copy_of_ds2_under_another_name_is_known_by_its_beats(data_dir: Path) -> None:
    folder = data_dir / "mitdb"
    assert set(DS2_BEATS.values()) == set(DS2)
    for record in DS2:
        assert held_out(f"copy/{record}x", f"{record}x", mitdb_beats(folder, record))
    for record in DS1:
        beats = mitdb_beats(folder, record)
        assert not held_out(f"mitdb/{record}", record, beats)
        assert beats_print(beats) != beats_print(beats + 1)


@pytest.mark.data
def test_real_records_are_not_taken_for_grouped(data_dir: Path, tmp_path: Path) -> None:
    from training.guard import require_not_grouped, require_time_order

    labels = []
    for database in ("mitdb", "svdb"):
        folder = data_dir / database
        for path in sorted(folder.glob("*.atr")):
            notes = read_annotations(folder, path.stem, "atr", 360.0)
            codes = aami_codes(notes.symbol)
            require_time_order(path.stem, notes.sample[codes >= 0])
            labels.append((path.stem, codes[codes >= 0]))
    require_not_grouped(labels)
    for one in labels:
        require_not_grouped([one])


def test_the_config_refuses_ds2_before_any_signal_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        'task = "beat"\nname = "x"\nversion = "1.0.0"\n[fit]\npatience = 2\n'
        '[data]\nrecords = ["101", "100"]\nvalidation = ["100"]\n'
    )
    with pytest.raises(InputError, match=r"data\.records holds 100; records of DS2"):
        load_config(path)
