"""Each rule of EC57 and of its bug fixes, on cases made by hand; no data is read."""

import numpy as np
import pytest

from ingest.errors import InputError
from training.ec57 import (
    DE_CHAZAL,
    Protocol,
    compare_beats,
    compare_episodes,
    compare_record,
    compare_runs,
    make_annotations,
    match_beats,
)
from training.ec57.segments import shutdown_segments
from training.ec57.tally import Tally, gross_sveb_tally, sveb_tally, veb_tally

FS = 100
NOW = Protocol(learning_s=0)
OFFICIAL = Protocol(learning_s=0, official=True)


def marks(text, step=100, start=100):
    """One mark every `step` samples: beats by symbol, ``{`` AF on, ``}`` AF off, ``_`` none."""
    rows = []
    for i, symbol in enumerate(text):
        at = start + i * step
        if symbol in "{}":
            rows.append((at, "+", "(AFIB" if symbol == "{" else "(N"))
        elif symbol != "_":
            rows.append((at, symbol, ""))
    return make_annotations([r[0] for r in rows], [r[1] for r in rows], FS, [r[2] for r in rows])


def cells_of(found):
    return [pair.cell for pair in found.pairs]


def test_beats_at_the_edge_of_the_window_match_and_beyond_it_do_not():
    assert match_beats([100], [154], 54) == [(0, 0)]
    assert match_beats([100], [155], 54) == [(0, None), (None, 0)]
    assert match_beats([100], [46], 54) == [(0, 0)]


def test_the_nearer_of_two_candidates_is_taken():
    assert match_beats([100, 140], [135], 54) == [(0, None), (1, 0)]
    assert match_beats([135], [100, 140], 54) == [(None, 0), (0, 1)]


def test_of_two_equally_near_candidates_the_first_is_taken():
    assert match_beats([100, 140], [120], 54) == [(0, 0), (1, None)]


def test_window_is_rounded_down_to_whole_samples():
    assert Protocol().window(360) == 54
    assert Protocol().window(250) == 37
    assert Protocol().window(128) == 19


def test_beats_of_the_learning_period_do_not_count():
    ref = make_annotations([29_999, 30_000, 30_100], list("VNN"), FS)
    test = make_annotations([30_000, 30_100], list("NN"), FS)
    assert cells_of(compare_beats(ref, test)) == ["Nn", "Nn"]


def test_beats_after_the_end_of_the_record_do_not_count():
    found = compare_beats(marks("NN"), marks("NNN"), end_sample=250, protocol=NOW)
    assert cells_of(found) == ["Nn", "Nn"]


def test_escape_beats_are_s_by_ec57_and_n_by_de_chazal():
    assert cells_of(compare_beats(marks("ej"), marks("NS"), protocol=NOW)) == ["Sn", "Ss"]
    found = compare_beats(marks("ej"), marks("NS"), protocol=NOW, mapping=DE_CHAZAL)
    assert cells_of(found) == ["Nn", "Ns"]


def test_fusion_and_unclassifiable_beats_called_v_are_not_false_v():
    found = compare_beats(marks("FQNSV"), marks("VVVVV"), protocol=NOW)
    assert found.veb == veb_tally(found.confusion) == Tally(1, 0, 1, 2)


def test_only_unclassifiable_beats_called_s_are_not_false_s():
    found = compare_beats(marks("FQNVA"), marks("AAAAA"), protocol=NOW)
    assert found.sveb == sveb_tally(found.confusion) == Tally(1, 0, 1, 3)
    assert gross_sveb_tally(found.confusion) == Tally(1, 0, 1, 2)


def test_a_missed_beat_counts_against_qrs_and_its_class():
    found = compare_beats(marks("NVA"), marks("N__"), protocol=NOW)
    assert cells_of(found) == ["Nn", "Vo", "So"]
    assert (found.qrs.fn, found.veb.fn, found.sveb.fn) == (2, 1, 1)


def test_detections_where_the_reference_is_unreadable_are_told_apart():
    ref = make_annotations([100, 150, 450, 500], list("N~~N"), FS, subtype=[0, -1, 0, 0])
    found = compare_beats(ref, marks("NNNNN"), protocol=NOW)
    assert cells_of(found) == ["Nn", "Xn", "Xn", "Xn", "Nn"]
    assert found.qrs.fp == 3
    assert found.rr.n == 0


def test_beats_missed_in_shutdown_are_told_apart_and_its_time_is_added_up():
    test = make_annotations([100, 150, 450, 500], list("N~~N"), FS, subtype=[0, -1, 0, 0])
    found = compare_beats(marks("NVANN"), test, protocol=NOW)
    assert cells_of(found) == ["Nn", "Vx", "Sx", "Nx", "Nn"]
    assert (found.shutdown_s, found.qrs.fn, found.veb.fn) == (3.0, 3, 1)


def test_shutdown_in_the_aha_way_reaches_from_beat_to_beat():
    test = make_annotations([100, 300, 500], list("N~N"), FS, subtype=[0, -1, 0])
    assert shutdown_segments(test, 999, 15) == ((115, 485),)


def test_quality_marks_that_are_not_shutdown_change_nothing():
    ref = make_annotations([100, 150, 300], list("N~N"), FS, subtype=[0, 3, 0])
    assert cells_of(compare_beats(ref, marks("NNN"), protocol=NOW)) == ["Nn", "On", "Nn"]


def test_beats_in_the_vf_of_either_annotator_are_left_out():
    ref = marks("NN[___]NN")
    test = marks("N_NNN[N]N")
    found = compare_beats(ref, test, protocol=NOW)
    assert cells_of(found) == ["Nn", "No", "Nn"]


def test_official_leaves_out_each_annotators_own_vf_only():
    # physionet issue 39: a test VF that begins late leaves its beats as false detections.
    ref = marks("NN[___]NN")
    late = marks("NNN[__]NN")
    assert cells_of(compare_beats(ref, late, protocol=OFFICIAL)) == ["Nn", "Nn", "On", "Nn", "Nn"]
    assert cells_of(compare_beats(ref, late, protocol=NOW)) == ["Nn", "Nn", "Nn", "Nn"]


def test_an_annotator_without_vf_marks_loses_its_beats_in_the_references_vf():
    # What the official tool prints for gqrs on record 207.
    for protocol in (NOW, OFFICIAL):
        found = compare_beats(marks("NN[___]NN"), marks("NNNNNNNNN"), protocol=protocol)
        assert cells_of(found) == ["Nn"] * 4


def test_vf_rhythm_serves_an_annotator_that_has_no_brackets():
    rhythm = make_annotations(
        [100, 200, 250, 300, 400, 450, 500], list("NN+NN+N"), FS,
        ["", "", "(VFL", "", "", "(N", ""],
    )  # fmt: skip
    assert cells_of(compare_beats(rhythm, marks("NNNNN"), protocol=NOW)) == ["Nn"] * 3
    assert len(cells_of(compare_beats(rhythm, marks("NNNNN"), protocol=OFFICIAL))) == 5


def test_one_missed_beat_costs_two_rr_comparisons():
    found = compare_beats(marks("NNNN"), marks("NN_N"), protocol=NOW)
    assert (found.rr.n, found.rr.sum_squares) == (3, 2 * 100**2)
    assert found.rr.rms_ms == pytest.approx(1000 * (2 / 3) ** 0.5)


def test_timing_is_test_minus_reference_of_matched_beats():
    test = make_annotations([103, 199, 500], list("NNN"), FS)
    assert compare_beats(marks("NNN"), test, protocol=NOW).timing_ms.tolist() == [30.0, -10.0]


def test_couplets_short_and_long_runs_want_2_3_and_6_beats():
    ref = marks("NVVNVVVVNVVVVVVVN")
    test = marks("NVVVVVVNNVVVVVNNN")
    found = compare_runs(ref, test, "ve", protocol=NOW)
    assert found.couplets == Tally(1, 0, 0, 0)
    assert found.short == Tally(1, 0, 1, 0)
    assert found.long == Tally(0, 1, 0, 1)


def test_fusion_beats_belong_to_ventricular_runs():
    found = compare_runs(marks("NVFVN"), marks("NVVVN"), "ve", protocol=NOW)
    assert found.short == Tally(1, 0, 1, 0)


def test_vf_stands_for_a_long_ventricular_run():
    found = compare_runs(marks("NN[_____]N"), marks("NNVVVVVVVN"), "ve", protocol=NOW)
    assert found.long == Tally(1, 0, 1, 0)


def test_normal_beats_in_af_make_supraventricular_runs():
    for protocol in (NOW, OFFICIAL):
        found = compare_runs(
            marks("NN{NNNNNNNV}N"), marks("NNSSSSSSSSVNN"), "sve", protocol=protocol
        )
        assert found.long == Tally(1, 0, 1, 0)


def test_an_af_onset_followed_by_v_is_a_run_only_to_the_official_tool():
    # physionet issue 29: 201 against itself gave a long run that nothing can match.
    ref = marks("NN{VNV}NN")
    same = compare_runs(ref, ref, "sve", protocol=OFFICIAL)
    assert same.long == Tally(0, 1, 0, 1)
    assert compare_runs(ref, ref, "sve", protocol=NOW).long == Tally(0, 0, 0, 0)


def test_af_marks_break_a_ventricular_run_only_for_the_official_tool():
    ref, test = marks("NV_V_VN"), marks("NV_V{VN")
    assert compare_runs(ref, test, "ve", protocol=OFFICIAL).short == Tally(0, 1, 1, 0)
    assert compare_runs(ref, test, "ve", protocol=NOW).short == Tally(1, 0, 1, 0)


def test_touching_is_not_overlapping_for_episodes():
    ref, test = marks("{NNN}NNNN"), marks("NNNN{NN}N")
    found = compare_episodes(ref, test, "af", protocol=NOW)
    assert found.episodes == Tally(0, 1, 0, 1)


def test_af_that_goes_on_ends_with_the_record_and_starts_with_the_test_period():
    ref = marks("{NNNNNNNNN")
    found = compare_episodes(
        ref, marks("N"), "af", end_sample=2000, protocol=Protocol(learning_s=5)
    )
    assert (found.episodes, found.ref_s) == (Tally(0, 1, 0, 0), 15.0)


def test_test_af_during_the_references_flutter_is_left_out_when_asked():
    ref = make_annotations([100, 500], ["+", "+"], FS, ["(AFL", "(N"])
    test = make_annotations([100, 700], ["+", "+"], FS, ["(AFIB", "(N"])
    kept = compare_episodes(ref, test, "af", end_sample=900, protocol=NOW)
    cut = compare_episodes(ref, test, "af", end_sample=900, protocol=NOW, exclude_flutter=True)
    assert (kept.test_s, cut.test_s) == (6.0, 2.0)


def test_rates_without_a_denominator_are_none():
    assert (Tally(0, 0, 0, 0).se, Tally(0, 0, 0, 3).ppv, Tally(0, 0, 0, 3).f1) == (None, 0.0, None)


@pytest.mark.parametrize(
    ("sample", "symbol", "fs", "says"),
    [
        ([-1, 5], "NN", FS, "negative"),
        ([5, 4], "NN", FS, "not in time order"),
        ([5], "N", 0, "above 0 Hz"),
        ([5], "N", float("nan"), "above 0 Hz"),
        ([5, 6], "N", FS, "differ in length"),
    ],
)
def test_annotations_that_break_a_rule_are_refused(sample, symbol, fs, says):
    with pytest.raises(InputError, match=says):
        make_annotations(sample, list(symbol), fs)


def test_annotators_at_different_frequencies_are_refused():
    with pytest.raises(InputError, match="100 Hz"):
        compare_record("100", marks("N"), make_annotations([100], ["N"], 360))


def test_an_empty_test_annotator_misses_every_beat():
    empty = make_annotations(np.zeros(0), [], FS)
    found = compare_beats(marks("NVN"), empty, protocol=NOW)
    assert (found.qrs, found.rr.rms_ms) == (Tally(0, 3, 0, 0), None)
