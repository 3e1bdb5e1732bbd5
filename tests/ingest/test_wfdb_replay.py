from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb

from ingest.errors import InputError
from ingest.frames import MISSING_ADU, Frame, Lead
from ingest.recording import Recording
from ingest.sequence import Sequencer
from ingest.wfdb_replay import ReplaySource, frames, open_recording
from tests.ingest.synthetic import flat, ramp

ADU = np.stack([np.arange(-500, 500), np.arange(1000) % 300], axis=1)


def write(folder: Path, name: str = "rec", **changes: Any) -> Path:
    """A WFDB record of two leads, 1000 samples at 250 Hz, format 16."""
    settings = {
        "fs": 250,
        "units": ["mV", "mV"],
        "sig_name": ["MLII", "V5"],
        "d_signal": ADU,
        "fmt": ["16", "16"],
        "adc_gain": [200.0, 1000.0],
        "baseline": [1024, 0],
    } | changes
    wfdb.wrsamp(name, write_dir=str(folder), **settings)
    return folder / name


def with_header(path: Path, old: str, new: str) -> Path:
    """Change the header of a record."""
    header = path.with_suffix(".hea")
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat"])
def test_digital_samples_and_calibration_are_kept(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path)

    recording = open_recording(f"{path}{suffix}")

    assert (recording.samples == ADU.T).all()
    assert recording.samples.dtype == np.int16
    assert recording.leads == (Lead("MLII", "mV", 200.0, 1024), Lead("V5", "mV", 1000.0, 0))
    assert (recording.name, recording.fs, recording.start_unix_ns) == ("rec", 250.0, 0)
    assert recording.duration_s == 4.0


@pytest.mark.parametrize("fmt", ["212", "16", "24", "32"])
def test_invalid_samples_are_missing_in_every_format(tmp_path: Path, fmt: str) -> None:
    mv = (ADU - [1024, 0]) / [200.0, 1000.0]
    mv[10:20, 0] = np.nan
    path = write(
        tmp_path, d_signal=None, p_signal=mv, fmt=[fmt] * 2, adc_gain=[200.0] * 2, baseline=[0] * 2
    )

    recording = open_recording(path)

    assert (recording.samples[0, 10:20] == MISSING_ADU).all()
    assert (recording.samples != MISSING_ADU).sum() == 1990
    assert calibrated(recording)[0, 0] == pytest.approx(mv[0, 0], abs=1 / 200)


def calibrated(recording: Recording) -> Any:
    """Samples in physical units, shape (n_leads, n_samples)."""
    baseline = np.array([[lead.baseline] for lead in recording.leads])
    gain = np.array([[lead.adc_gain] for lead in recording.leads])
    return (recording.samples.astype(float) - baseline) / gain


def test_a_signal_whose_gain_is_no_number_keeps_its_name_and_is_missing(tmp_path: Path) -> None:
    path = with_header(write(tmp_path), "1000.0(0)/mV", "NaN(-32767)/%")

    recording = open_recording(path)

    assert [(lead.name, lead.unit) for lead in recording.leads] == [("MLII", "mV"), ("V5", "%")]
    assert (recording.samples[1] == MISSING_ADU).all()
    assert (recording.samples[0] != MISSING_ADU).all()


def test_wide_samples_are_made_coarser_with_an_honest_gain(tmp_path: Path) -> None:
    wide = ADU * 9000
    path = write(tmp_path, d_signal=wide, fmt=["24", "24"], adc_gain=[1e6, 1e6], baseline=[77, 0])

    recording = open_recording(path)

    expected = ((wide - [77, 0]) / 1e6).T
    assert recording.leads[0].adc_gain < 1e6
    half_adu = [[0.51 / lead.adc_gain] for lead in recording.leads]
    assert (abs(calibrated(recording) - expected) <= half_adu).all()


def test_leads_are_chosen_by_name_or_index_in_the_order_asked(tmp_path: Path) -> None:
    path = write(tmp_path)

    assert [x.name for x in open_recording(path, ["v5", 0]).leads] == ["V5", "MLII"]
    assert (open_recording(path, ["1"]).samples == ADU.T[1:]).all()


@pytest.mark.parametrize("lead", ["V9", 2, -1])
def test_a_lead_that_is_not_there_lists_those_that_are(tmp_path: Path, lead: str | int) -> None:
    with pytest.raises(InputError, match="it has: MLII, V5"):
        open_recording(write(tmp_path), [lead])


def test_the_start_is_the_headers_in_utc(tmp_path: Path) -> None:
    start = datetime.datetime(2024, 5, 6, 7, 8, 9, 250_000)
    path = write(tmp_path, base_time=start.time(), base_date=start.date())

    expected = start.replace(tzinfo=datetime.UTC).timestamp()
    assert open_recording(path).start_unix_ns == round(expected * 1000) * 10**6


def test_leads_of_many_frequencies_are_read_at_their_own(tmp_path: Path) -> None:
    fast, slow = np.arange(2000) % 700, np.arange(1000) % 90
    wfdb.wrsamp(
        "multi",
        fs=250,
        units=["mV", "mmHg"],
        sig_name=["II", "ABP"],
        e_d_signal=[fast, slow],
        samps_per_frame=[2, 1],
        fmt=["16", "16"],
        adc_gain=[200.0, 10.0],
        baseline=[0, 0],
        write_dir=str(tmp_path),
    )

    ecg, pressure = open_recording(tmp_path / "multi"), open_recording(tmp_path / "multi", ["ABP"])

    assert (ecg.fs, [x.name for x in ecg.leads], pressure.fs) == (500.0, ["II"], 250.0)
    assert (ecg.samples[0] == fast).all()
    assert (pressure.samples[0] == slow).all()
    with pytest.raises(InputError, match="250 and 500 Hz"):
        open_recording(tmp_path / "multi", ["II", "ABP"])


def test_segments_are_joined_and_what_one_lacks_is_missing(tmp_path: Path) -> None:
    write(tmp_path, "s1")
    write(
        tmp_path,
        "s2",
        sig_name=["V5", "ABP"],
        units=["mV", "mmHg"],
        adc_gain=[500.0, 10.0],
        baseline=[0, 0],
    )
    (tmp_path / "layout.hea").write_text(
        "layout 2 250 0\n~ 0 200/mV 0 0 0 0 0 MLII\n~ 0 1000/mV 0 0 0 0 0 V5\n"
    )
    (tmp_path / "whole.hea").write_text("whole/4 2 250 2100\nlayout 0\ns1 1000\n~ 100\ns2 1000\n")

    recording = open_recording(tmp_path / "whole")

    assert [x.name for x in recording.leads] == ["MLII", "V5"]
    assert recording.leads[0] == Lead("MLII", "mV", 200.0, 1024)
    assert (recording.samples[:, :1000] == ADU.T).all()
    assert (recording.samples[:, 1000:1100] == MISSING_ADU).all()
    assert (recording.samples[0, 1100:] == MISSING_ADU).all()
    assert (recording.samples[1, 1100:] == 2 * ADU[:, 0]).all()  # 500/mV told in 1000/mV


def test_a_record_of_equal_segments_is_read_whole(tmp_path: Path) -> None:
    write(tmp_path, "s1")
    write(tmp_path, "s2")
    (tmp_path / "whole.hea").write_text("whole/2 2 250 2000\ns1 1000\ns2 1000\n")

    assert (open_recording(tmp_path / "whole").samples == np.concatenate([ADU, ADU]).T).all()


def test_a_missing_record_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*gone\.hea"):
        open_recording(tmp_path / "gone")


def test_a_missing_signal_file_is_bad_input(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.with_suffix(".dat").unlink()

    with pytest.raises(InputError, match="missing"):
        open_recording(path)


@pytest.mark.parametrize("fmt", ["16", "212", "24", "32"])
def test_a_truncated_signal_file_is_bad_input(tmp_path: Path, fmt: str) -> None:
    path = write(tmp_path, fmt=[fmt, fmt])
    dat = path.with_suffix(".dat")
    dat.write_bytes(dat.read_bytes()[:-1])

    with pytest.raises(InputError, match="truncated"):
        open_recording(path)


@pytest.mark.parametrize("fs", ["0", "10000", "20"])
def test_a_frequency_that_is_not_allowed_is_bad_input(tmp_path: Path, fs: str) -> None:
    path = with_header(write(tmp_path), "rec 2 250 ", f"rec 2 {fs} ")

    with pytest.raises(InputError, match="Hz"):
        open_recording(path)


def test_an_empty_record_is_bad_input(tmp_path: Path) -> None:
    path = with_header(write(tmp_path), "rec 2 250 1000", "rec 2 250 0")
    path.with_suffix(".dat").write_bytes(b"")

    with pytest.raises(InputError, match="empty"):
        open_recording(path)


@pytest.mark.parametrize(
    "header", ["", "nonsense\n", "rec 2 250 1000\n", "rec 0 250 0\n", "\0\1\2"]
)
def test_a_broken_header_is_bad_input(tmp_path: Path, header: str) -> None:
    path = write(tmp_path)
    path.with_suffix(".hea").write_text(header)

    with pytest.raises(InputError):
        open_recording(path)


RECORDING = Recording("r", 250.0, (Lead("II"), Lead("V1")), ramp(0, 1001), 5_000_000_000)


@pytest.mark.parametrize("chunk_s", [0.02, 0.003, 1.0, 100.0])
def test_frames_cover_the_recording_and_the_last_says_so(chunk_s: float) -> None:
    sent = list(frames(RECORDING, "bed-1", "s", chunk_s))

    items, dead = Sequencer().push_all(sent)

    assert not dead
    assert [row[2] for row in flat(items)] == [*map(int, RECORDING.samples[0]), "end"]
    assert [f.last for f in sent] == [False] * (len(sent) - 1) + [True]
    assert sent[0].start_unix_ns == 5_000_000_000
    assert sent[-1].start_unix_ns == 5_000_000_000 + sent[-1].first_sample * 4_000_000


def test_frames_of_a_frequency_that_divides_nothing_do_not_drift() -> None:
    recording = Recording("r", 333.3, (Lead("II"),), ramp(0, 3333, 1))

    ends = [f.end_sample for f in frames(recording, "bed-1", chunk_s=1.0)]

    assert ends == [333, 667, 1000, 1333, 1666, 2000, 2333, 2666, 3000, 3333]


@pytest.mark.parametrize("chunk_s", [0.0, -1.0, float("nan")])
def test_a_bad_chunk_length_is_refused(chunk_s: float) -> None:
    with pytest.raises(InputError, match="chunk_s"):
        next(frames(RECORDING, "bed-1", chunk_s=chunk_s))


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def everything(source: ReplaySource) -> list[Frame]:
    out: list[Frame] = []
    while True:
        batch = source.poll(1.0)
        out += batch.frames
        if batch.end:
            return out


def test_as_fast_as_possible_streams_advance_side_by_side() -> None:
    source = ReplaySource({"one": RECORDING, "two": RECORDING}, speed=None)

    batch = source.poll(0)

    assert [(f.stream_id, f.end_sample) for f in batch.frames] == [("one", 250), ("two", 250)]
    assert len(everything(source)) == 8
    assert source.poll(0).end


@pytest.mark.parametrize("speed", [1.0, 8.0])
def test_frames_come_when_their_last_sample_would_have_been_taken(speed: float) -> None:
    time = Time()
    source = ReplaySource({"one": RECORDING}, speed=speed, clock=time.clock, sleep=time.sleep)
    arrivals = []
    while not (batch := source.poll(0.1)).end:
        arrivals += [(time.now_s - 50.0, f.end_sample / 250 / speed) for f in batch.frames]

    assert arrivals
    assert all(due <= came <= due + 1e-6 for came, due in arrivals)


def test_a_slow_reader_gets_all_that_became_due() -> None:
    time = Time()
    source = ReplaySource({"one": RECORDING}, clock=time.clock, sleep=time.sleep)
    source.poll(0)
    time.now_s += 3.0

    assert [f.end_sample for f in source.poll(0).frames] == [250, 500, 750]


def test_a_poll_waits_no_longer_than_told() -> None:
    time = Time()
    source = ReplaySource({"one": RECORDING}, clock=time.clock, sleep=time.sleep)

    assert list(source.poll(0.25).frames) == []
    assert time.now_s == 50.25


def test_a_repeat_is_a_device_that_was_restarted() -> None:
    source = ReplaySource({"one": RECORDING}, speed=None, repeat=True, chunk_s=3.0)

    sent = [f for _ in range(4) for f in source.poll(0).frames][:4]

    assert [(f.session, f.first_sample) for f in sent] == [
        ("0", 0),
        ("0", 750),
        ("0.1", 0),
        ("0.1", 750),
    ]
    assert sent[2].start_unix_ns - sent[0].start_unix_ns == 1001 * 4_000_000


def test_no_recordings_are_an_end_at_once() -> None:
    assert ReplaySource({}).poll(0).end


def test_a_bad_speed_is_refused() -> None:
    with pytest.raises(InputError, match="speed"):
        ReplaySource({"one": RECORDING}, speed=0.0)


@pytest.mark.data
@pytest.mark.parametrize("name", ["mitdb/100", "mitdb/208", "vfdb/607", "svdb/806", "ludb/data/39"])
def test_real_records_are_read_as_wfdb_reads_them(data_dir: Path, name: str) -> None:
    recording = open_recording(data_dir / name)

    expected = wfdb.rdrecord(str(data_dir / name), physical=False)
    assert (recording.samples == expected.d_signal.T).all()
    assert [x.adc_gain for x in recording.leads] == expected.adc_gain
    assert [x.baseline for x in recording.leads] == expected.baseline


@pytest.mark.data
@pytest.mark.slow
def test_every_record_at_hand_can_be_opened(data_dir: Path) -> None:
    headers = sorted(data_dir.rglob("*.hea"))

    assert headers
    assert all(open_recording(header).n_samples > 0 for header in headers)
