"""What must hold for any annotations."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.ec57 import (
    Protocol,
    bootstrap_gross,
    compare_record,
    gross,
    gross_confusion,
    make_annotations,
)

FS = 250
PROTOCOLS = st.builds(Protocol, learning_s=st.sampled_from([0, 5]), official=st.booleans())


@st.composite
def annotators(draw, symbols="NLAVFQje/~+[]"):
    gaps = draw(st.lists(st.integers(1, 400), max_size=40))
    drawn = draw(st.lists(st.sampled_from(symbols), min_size=len(gaps), max_size=len(gaps)))
    notes = [draw(st.sampled_from(["(AFIB", "(N", "(AFL"])) if s == "+" else "" for s in drawn]
    subtypes = [draw(st.sampled_from([-1, 0, 3])) if s == "~" else 0 for s in drawn]
    return make_annotations(np.cumsum(gaps), drawn, FS, notes, subtypes)


def compare(ref, test, protocol, name="100"):
    return compare_record(name, ref, test, 20_000, protocol=protocol, runs=True, episodes=True)


@given(annotators(), PROTOCOLS)
def test_a_perfect_annotator_scores_100(marks, protocol):
    found = compare(marks, marks, protocol)
    tallies = [found.beats.qrs, found.beats.veb, found.beats.sveb]
    tallies += [e.episodes for e in found.episodes.values()]
    if not protocol.official:
        tallies += [t for r in found.runs.values() for t in (r.couplets, r.short, r.long)]
    for tally in tallies:
        assert tally.se in (None, 100.0)
        assert tally.ppv in (None, 100.0)
    assert found.beats.rr.rms_ms in (None, 0.0)
    assert not found.beats.timing_ms.any()


@given(annotators(), annotators(), PROTOCOLS)
def test_every_beat_is_counted_once(ref, test, protocol):
    found = compare(ref, test, protocol).beats
    matrix = found.confusion
    assert matrix.min() >= 0
    assert matrix[5:, 5:].sum() == 0
    assert matrix.sum() == len(found.pairs)
    for samples in (
        [p.ref_sample for p in found.pairs if p.ref_sample is not None],
        [p.test_sample for p in found.pairs if p.test_sample is not None],
    ):
        assert samples == sorted(samples)
    assert found.qrs.tp_se + found.qrs.fn == matrix[:5].sum()
    assert found.qrs.tp_ppv + found.qrs.fp == matrix[:, :5].sum()
    limit = 1000 * protocol.window(FS) / FS
    assert (abs(found.timing_ms) <= limit).all()


@given(annotators(), annotators())
def test_no_beat_is_lost_where_no_vf_is_marked(ref, test):
    beats = set("NLAVFQje/")
    protocol = Protocol(learning_s=0)
    if "[" in ref.symbol or "[" in test.symbol:
        return
    matrix = compare(ref, test, protocol).beats.confusion
    assert matrix[:5].sum() == sum(s in beats for s in ref.symbol)
    assert matrix[:, :5].sum() == sum(s in beats for s in test.symbol)


@given(annotators(), annotators())
def test_swapping_the_annotators_swaps_detection_se_and_ppv(ref, test):
    protocol = Protocol(learning_s=0)
    one, other = compare(ref, test, protocol), compare(test, ref, protocol)
    for kind in ("af", "vf"):
        there, back = one.episodes[kind].episodes, other.episodes[kind].episodes
        assert (there.tp_se, there.fn) == (back.tp_ppv, back.fp)
    for kind in ("ve", "sve"):
        for size in ("couplets", "short", "long"):
            there, back = getattr(one.runs[kind], size), getattr(other.runs[kind], size)
            assert (there.tp_se, there.fn) == (back.tp_ppv, back.fp)


@given(st.lists(st.tuples(annotators(), annotators()), min_size=1, max_size=4), st.randoms())
def test_the_order_of_records_does_not_change_gross(pairs, random):
    protocol = Protocol(learning_s=0)
    found = [compare(a, b, protocol, str(i)) for i, (a, b) in enumerate(pairs)]
    mixed = found.copy()
    random.shuffle(mixed)
    assert gross(mixed) == gross(found)
    assert (gross_confusion(mixed) == sum(r.beats.confusion for r in found)).all()


def test_a_patient_bootstrap_is_seeded_and_holds_the_gross_rate():
    found = [
        compare_record(
            str(name),
            make_annotations(np.arange(100, 5000, 100), ["N"] * 49, FS),
            make_annotations(
                np.arange(100, 5000, 100)[::step], ["N"] * len(range(0, 49, step)), FS
            ),
            protocol=Protocol(learning_s=0),
        )
        for name, step in ((1, 1), (2, 2), (3, 1), (4, 3), (5, 1))
    ]
    spans = bootstrap_gross(found, resamples=300, seed=7)
    assert spans == bootstrap_gross(found, resamples=300, seed=7)
    span, rate = spans["qrs"]["se"], gross(found)["qrs"].se
    assert span.low < rate < span.high
    assert spans["veb"]["se"] is None


def test_a_bootstrap_of_one_patient_gives_no_interval():
    marks = make_annotations([100, 300], ["N", "V"], FS)
    found = [
        compare_record(name, marks, marks, protocol=Protocol(learning_s=0))
        for name in ("201", "202")
    ]
    assert bootstrap_gross(found, resamples=10)["qrs"]["se"] is None
