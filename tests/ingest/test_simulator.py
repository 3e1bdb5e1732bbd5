"""Simulated patients: repeatable, prefix-invariant, and what their truth says they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ingest.errors import InputError
from ingest.recording import Recording
from ingest.simulator import (
    Ectopy,
    Script,
    Segment,
    SimulatedRecord,
    asystole,
    atrial_fibrillation,
    beat_waveform,
    bradycardia,
    demo_scripts,
    demo_ward,
    lead_off,
    make_morphology,
    pause,
    simulate,
    sinus,
    tachycardia,
    ventricular_fibrillation,
    ventricular_tachycardia,
    with_ectopy,
    with_noise,
)

FS = 250.0
N, S, V = 0, 1, 2


def run(*segments: Segment, duration_s: float, fs: float = FS, seed: int = 5) -> SimulatedRecord:
    return simulate(Script("test", segments), fs, duration_s, seed)


def beats_within(record: SimulatedRecord, start_s: float, end_s: float) -> NDArray[np.int64]:
    r = record.truth.r_peaks
    return r[(r >= start_s * record.fs) & (r < end_s * record.fs)]


def rate_bpm(record: SimulatedRecord, start_s: float, end_s: float) -> float:
    return float(60.0 * record.fs / np.diff(beats_within(record, start_s, end_s)).mean())


def dominant_hz(mv: NDArray[np.float64], fs: float) -> float:
    power = np.abs(np.fft.rfft(mv - mv.mean())) ** 2
    return float(np.fft.rfftfreq(mv.size, 1 / fs)[power.argmax()])


@pytest.mark.parametrize("bed", range(14))
def test_shorter_run_is_a_prefix_of_a_longer_one(bed: int) -> None:
    script = demo_scripts(14)[bed]
    longer = simulate(script, FS, 150.0, 7)
    for duration_s in (3.0, 10.3, 41.7, 97.1):
        shorter = simulate(script, FS, duration_s, 7)
        n = shorter.samples.shape[1]
        assert n == round(duration_s * FS)
        np.testing.assert_array_equal(shorter.samples, longer.samples[:, :n])
        inside = longer.truth.r_peaks < n
        np.testing.assert_array_equal(shorter.truth.r_peaks, longer.truth.r_peaks[inside])
        np.testing.assert_array_equal(shorter.truth.aami, longer.truth.aami[inside])
        clipped = [
            (e.kind, e.onset_sample, min(e.offset_sample, n))
            for e in longer.truth.episodes
            if e.onset_sample < n
        ]
        assert [(e.kind, e.onset_sample, e.offset_sample) for e in shorter.truth.episodes] == (
            clipped
        )


@settings(max_examples=15, deadline=None)
@given(duration_s=st.floats(0.5, 60.0), fs=st.sampled_from([100.0, 128.0, 250.0, 360.0]))
def test_prefix_holds_at_any_fs_and_length(duration_s: float, fs: float) -> None:
    script = demo_scripts(3)[2]
    shorter = simulate(script, fs, duration_s, 3)
    longer = simulate(script, fs, 61.0, 3)
    np.testing.assert_array_equal(shorter.samples, longer.samples[:, : shorter.samples.shape[1]])


def test_same_seed_repeats_and_another_differs() -> None:
    first, again, other = (
        run(sinus(30.0), duration_s=30.0, seed=seed).samples for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_beats_fall_at_the_same_times_at_any_fs() -> None:
    slow, fast = (
        run(with_ectopy(sinus(40.0), Ectopy()), duration_s=40.0, fs=fs) for fs in (125.0, 500.0)
    )
    difference_s = slow.truth.r_peaks / 125.0 - fast.truth.r_peaks / 500.0
    assert np.abs(difference_s).max() <= 0.5 / 125.0 + 0.5 / 500.0 + 1e-9


def test_truth_marks_the_peak_of_the_qrs() -> None:
    record = run(sinus(30.0, 70.0), duration_s=30.0)
    mv = record.samples[0] / 200.0
    for r in record.truth.r_peaks[1:-1]:
        around = mv[r - 20 : r + 21]
        assert abs(int(around.argmax()) - 20) <= 1


@pytest.mark.parametrize("rate", [40.0, 72.0, 140.0])
def test_sinus_keeps_its_scripted_rate_and_varies(rate: float) -> None:
    record = run(sinus(120.0, rate), duration_s=120.0)
    assert rate_bpm(record, 0.0, 120.0) == pytest.approx(rate, rel=0.03)
    rr = np.diff(record.truth.r_peaks)
    assert 0.01 < rr.std() / rr.mean() < 0.08
    assert set(record.truth.aami) == {N}


def test_bradycardia_and_tachycardia_reach_their_rates_gradually() -> None:
    slow = run(bradycardia(60.0, 34.0), duration_s=60.0)
    assert rate_bpm(slow, 6.0, 60.0) == pytest.approx(34.0, rel=0.04)
    fast = run(tachycardia(60.0, 150.0, from_bpm=90.0, ramp_s=10.0), duration_s=60.0)
    assert rate_bpm(fast, 0.0, 3.0) < 105.0
    assert rate_bpm(fast, 12.0, 60.0) == pytest.approx(150.0, rel=0.02)
    (episode,) = fast.truth.episodes
    assert (episode.kind, episode.onset_sample) == ("tachycardia", 2500)


def test_bigeminy_alternates_early_wide_beats_with_a_compensatory_pause() -> None:
    record = run(with_ectopy(sinus(60.0, 70.0), Ectopy(every=1)), duration_s=60.0)
    aami, r = record.truth.aami, record.truth.r_peaks
    assert aami[:8].tolist() == [N, V] * 4
    before, after = np.diff(r)[0::2], np.diff(r)[1::2]
    pairs = before[: after.size] + after
    assert (before[: after.size] < 0.75 * after).all()
    assert np.median(pairs) == pytest.approx(2 * 60.0 / 70.0 * FS, rel=0.04)


def test_premature_atrial_beats_are_narrow_and_do_not_compensate() -> None:
    record = run(with_ectopy(sinus(90.0, 70.0), Ectopy("S", every=5)), duration_s=90.0)
    aami, r = record.truth.aami, record.truth.r_peaks
    early = np.flatnonzero(aami == S)[1:-1]
    assert early.size > 8
    assert V not in aami
    rr = np.diff(r)
    assert (rr[early - 1] < 0.8 * np.median(rr)).all()
    assert np.median(rr[early - 1] + rr[early]) < 1.85 * 60.0 / 70.0 * FS


def test_ventricular_beat_is_wider_than_a_conducted_one() -> None:
    def width_ms(qrst: NDArray[np.float64]) -> float:
        middle = np.abs(qrst[50:100])
        return float((middle > 0.5 * middle.max()).sum() / FS * 1000.0)

    shape = make_morphology()
    narrow = width_ms(beat_waveform(shape.qrst, FS))
    wide = width_ms(beat_waveform(shape.ventricular, FS))
    assert wide > 2.0 * narrow


def test_run_of_ventricular_beats_is_an_episode() -> None:
    beats = Ectopy(every=20, group=5, rate_bpm=150.0)
    record = run(with_ectopy(sinus(40.0, 80.0), beats), duration_s=25.0)
    (episode,) = [e for e in record.truth.episodes if e.kind == "run"]
    inside = (record.truth.r_peaks >= episode.onset_sample) & (
        record.truth.r_peaks <= episode.offset_sample
    )
    assert record.truth.aami[inside].tolist() == [V] * 5
    assert rate_bpm(
        record, episode.onset_sample / FS, (episode.offset_sample + 1) / FS
    ) == pytest.approx(150.0, rel=0.06)


@pytest.mark.parametrize("rate", [150.0, 200.0])
def test_ventricular_tachycardia_has_its_rate_and_class(rate: float) -> None:
    record = run(sinus(10.0), ventricular_tachycardia(20.0, rate), sinus(60.0), duration_s=45.0)
    (episode,) = [e for e in record.truth.episodes if e.kind == "vt"]
    inside = (record.truth.r_peaks >= episode.onset_sample) & (
        record.truth.r_peaks <= episode.offset_sample
    )
    assert set(record.truth.aami[inside]) == {V}
    assert set(record.truth.aami[~inside]) == {N}
    assert rate_bpm(record, 10.0, 30.0) == pytest.approx(rate, rel=0.03)


@pytest.mark.parametrize("seed", range(6))
def test_ventricular_fibrillation_lives_between_3_and_8_hz(seed: int) -> None:
    record = run(ventricular_fibrillation(40.0), duration_s=40.0, seed=seed)
    assert record.truth.r_peaks.size == 0
    mv = record.samples[0] / 200.0
    found = [dominant_hz(mv[i : i + 1000], FS) for i in range(0, 9000, 500)]
    assert all(3.0 <= hz <= 8.0 for hz in found)
    assert np.ptp(found) > 0.25, "its frequency drifts"
    power = np.abs(np.fft.rfft(mv - mv.mean())) ** 2
    hz = np.fft.rfftfreq(mv.size, 1 / FS)
    assert power[(hz >= 2.5) & (hz <= 8.5)].sum() > 0.8 * power.sum()
    first, last = mv[: 10 * 250].std(), mv[-10 * 250 :].std()
    assert 0.15 < last < first < 1.0, "coarse at first, finer later"


def test_asystole_has_no_beats_and_next_to_no_amplitude() -> None:
    record = run(sinus(8.0), asystole(10.0), sinus(30.0), duration_s=30.0)
    (episode,) = [e for e in record.truth.episodes if e.kind == "asystole"]
    r = record.truth.r_peaks
    assert episode.onset_sample == r[r < 8.0 * FS][-1]
    assert episode.offset_sample == r[r >= 8.0 * FS][0]
    assert (episode.offset_sample - episode.onset_sample) / FS > 10.0
    still = record.samples[0, int(9.0 * FS) : int(17.5 * FS)]
    assert 0 < np.ptp(still) < 80, "wander and noise, below 0.4 mV"


def test_standstill_shows_p_waves_that_are_no_beats() -> None:
    without, standing = (
        run(asystole(20.0, p_rate_bpm=rate), duration_s=20.0) for rate in (0.0, 60.0)
    )
    assert standing.truth.r_peaks.size == 0
    added = (standing.samples[0] - without.samples[0]) / 200.0
    assert 0.08 < added.max() < 0.3
    rising = np.flatnonzero((added[1:] > 0.06) & (added[:-1] <= 0.06))
    assert 17 <= rising.size <= 20


def test_asystole_after_fibrillation_begins_where_it_ends() -> None:
    record = run(sinus(5.0), ventricular_fibrillation(6.0), asystole(5.0), duration_s=18.0)
    (episode,) = [e for e in record.truth.episodes if e.kind == "asystole"]
    assert episode.onset_sample == round(11.0 * FS)


def test_pause_is_an_rr_interval_longer_by_what_is_scripted() -> None:
    record = run(sinus(12.0, 60.0), pause(3.0), sinus(40.0, 60.0), duration_s=40.0)
    (episode,) = [e for e in record.truth.episodes if e.kind == "pause"]
    longest = np.diff(record.truth.r_peaks).max()
    assert episode.offset_sample - episode.onset_sample == longest
    assert longest / FS == pytest.approx(4.0, abs=0.15)


def test_atrial_fibrillation_is_irregular_and_has_no_p_waves() -> None:
    af = run(atrial_fibrillation(120.0, 100.0), duration_s=120.0)
    regular = run(sinus(120.0, 100.0), duration_s=120.0)
    rr = np.diff(af.truth.r_peaks)
    assert rr.std() / rr.mean() > 0.15
    assert abs(np.corrcoef(rr[1:], rr[:-1])[0, 1]) < 0.25, "no memory from beat to beat"
    assert rate_bpm(af, 0.0, 120.0) == pytest.approx(100.0, rel=0.06)

    def mean_p_mv(record: SimulatedRecord) -> float:
        r = record.truth.r_peaks[2:-2]
        parts = [record.samples[0, i - 60 : i - 8] / 200.0 for i in r if i > 60]
        return float(np.ptp(np.mean(parts, axis=0)))

    assert mean_p_mv(regular) > 2.0 * mean_p_mv(af)


@pytest.mark.parametrize(("level_mv", "adu"), [(0.0, 0), (99.0, 2040), (-99.0, -2040), (1.0, 200)])
def test_lead_off_is_constant_and_hides_its_beats(level_mv: float, adu: int) -> None:
    record = run(sinus(10.0), lead_off(8.0, level_mv=level_mv), sinus(30.0), duration_s=30.0)
    still = record.samples[0, 2500:4500]
    assert (still == adu).all()
    assert beats_within(record, 10.0, 18.0).size == 0
    assert beats_within(record, 18.0, 30.0).size > 8
    assert ("lead_off", 2500, 4500) in [
        (e.kind, e.onset_sample, e.offset_sample) for e in record.truth.episodes
    ]


def test_noise_is_an_episode_and_louder_than_the_rest() -> None:
    loud = with_noise(sinus(10.0), emg_mv=0.3, motion_mv=0.8)
    record = run(sinus(10.0), loud, sinus(10.0), duration_s=30.0)
    rough = np.abs(np.diff(record.samples[0].astype(int)))
    assert np.median(rough[2600:4900]) > 5 * np.median(rough[:2400])
    assert [e.kind for e in record.truth.episodes].count("noise") == 1


def test_mains_hum_stands_at_50_hz() -> None:
    still = with_noise(asystole(20.0), emg_mv=0.0, wander_mv=0.0, mains_mv=0.2)
    assert dominant_hz(run(still, duration_s=20.0).samples[0].astype(float), FS) == 50.0


def test_ward_has_an_event_for_every_ill_patient_and_clips_only_at_lead_off() -> None:
    ward = demo_ward(14, seed=3, duration_s=120.0)
    assert len({record.name for record in ward}) == 14
    ill = 0
    for record, script in zip(ward, demo_scripts(14, seed=3), strict=True):
        limit = np.abs(record.samples[0].astype(int)) >= 2040
        for e in record.truth.episodes:
            if e.kind == "lead_off":  # and while the amplifier recovers
                limit[e.onset_sample : e.offset_sample + 25] = False
        assert not limit.any(), record.name
        if script.note.startswith("sinus rhythm"):
            continue
        ill += 1
        events = [e.onset_sample for e in record.truth.episodes if e.kind != "sinus"]
        events += record.truth.r_peaks[record.truth.aami > 0].tolist()
        assert min(events) < 20 * FS, record.name
        assert script.note == "atrial fibrillation" or max(events) > 30 * FS, record.name
    assert ill >= 11


def test_more_patients_than_cases_get_other_names_and_bodies() -> None:
    ward = demo_ward(16, duration_s=5.0)
    assert ward[0].name != ward[14].name
    assert not np.array_equal(ward[0].samples, ward[14].samples)


def test_recording_carries_the_same_samples() -> None:
    record = run(sinus(5.0), duration_s=5.0)
    recording = record.as_recording(start_unix_ns=9)
    assert isinstance(recording, Recording)
    assert (recording.name, recording.fs, recording.start_unix_ns) == ("test", FS, 9)
    assert recording.samples.dtype == np.int16
    np.testing.assert_array_equal(recording.samples, record.samples)


@pytest.mark.parametrize(
    ("fs", "duration_s", "seed"),
    [(0.0, 5.0, 1), (10_000.0, 5.0, 1), (FS, 0.0, 1), (FS, float("nan"), 1), (FS, 5.0, -1)],
)
def test_unusable_arguments_are_refused(fs: float, duration_s: float, seed: int) -> None:
    with pytest.raises(InputError):
        simulate(Script("test", (sinus(5.0),)), fs, duration_s, seed)


def test_unusable_scripts_are_refused() -> None:
    for make in (
        lambda: Script("test", ()),
        lambda: sinus(0.0),
        lambda: sinus(5.0, 900.0),
        lambda: demo_scripts(0),
    ):
        with pytest.raises(InputError):
            make()
