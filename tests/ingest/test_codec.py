from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import codec, frame_pb2
from ingest.checks import FRAME_REASONS, MAX_FRAME_BYTES, MAX_LEADS
from ingest.codec import MAX_PAYLOAD_BYTES, VERSION, decode, encode
from ingest.frames import MISSING_ADU, Frame, FrameError, Lead
from tests.ingest.synthetic import FS, LEADS, frame, same_frame

LETTERS = "aZ09-_ é心"
names = st.text(LETTERS, min_size=1, max_size=20)
leads = st.builds(
    Lead,
    name=names,
    unit=st.sampled_from(["mV", "uV", "%", "mmHg", ""]),
    adc_gain=st.floats(allow_nan=False, allow_infinity=False).filter(lambda gain: gain != 0),
    baseline=st.integers(-(2**31), 2**31 - 1),
)


@st.composite
def any_frame(draw: st.DrawFn) -> Frame:
    chosen = tuple(draw(st.lists(leads, min_size=1, max_size=4)))
    n_samples = draw(st.integers(1, 50))
    raw = draw(
        st.binary(min_size=2 * n_samples * len(chosen), max_size=2 * n_samples * len(chosen))
    )
    return Frame(
        stream_id=draw(names),
        session=draw(st.text(LETTERS, max_size=20)),
        first_sample=draw(st.integers(0, 2**53)),
        start_unix_ns=draw(st.integers(-(2**63), 2**63 - 1)),
        fs=draw(st.floats(50, 4096)),
        leads=chosen,
        samples=np.frombuffer(raw, "<i2").reshape(len(chosen), -1),
        last=draw(st.booleans()),
    )


@given(st.lists(any_frame(), max_size=4))
def test_frames_come_back_as_they_were(sent: list[Frame]) -> None:
    received = decode(encode(sent))

    assert len(received) == len(sent)
    assert all(map(same_frame, sent, received))


def test_samples_are_little_endian_lead_by_lead() -> None:
    message = frame_pb2.FrameBatch.FromString(encode([frame(0, 3)]))

    expected = frame(0, 3).samples
    assert message.frames[0].samples == expected[0].tobytes() + expected[1].tobytes()


def test_samples_of_any_memory_layout_are_encoded_alike() -> None:
    plain = frame(0, 10)
    strided = dataclasses.replace(plain, samples=np.asfortranarray(plain.samples))

    assert encode([strided]) == encode([plain])


def test_decoded_samples_are_a_view_that_cannot_be_written() -> None:
    samples = decode(encode([frame(0, 10)]))[0].samples

    assert samples.base is not None
    assert not samples.flags.writeable


def test_missing_samples_pass_unchanged() -> None:
    holed = dataclasses.replace(frame(0, 4), samples=np.full((2, 4), MISSING_ADU, np.int16))

    assert (decode(encode([holed]))[0].samples == MISSING_ADU).all()


def test_unknown_fields_are_ignored() -> None:
    unknown = bytes([0x9A, 0x06, 0x03]) + b"new"  # field 99, three bytes

    assert same_frame(decode(encode([frame(0, 5)]) + unknown)[0], frame(0, 5))


def test_numerics_have_their_own_fs() -> None:
    sent = frame(0, 2, fs=1.0, leads=[Lead("SpO2", "%", 1.0)])

    assert decode(encode([sent]))[0].fs == 1.0


def test_the_last_frame_may_hold_no_samples() -> None:
    assert decode(encode([frame(10, 10, last=True)]))[0].n_samples == 0


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_refused_with_a_known_reason(payload: bytes) -> None:
    assert refusal(payload) in (None, *FRAME_REASONS)


@given(st.data())
def test_damaged_messages_decode_or_are_refused_with_a_known_reason(data: st.DataObject) -> None:
    payload = bytearray(encode([frame(0, 8), frame(8, 16)]))
    for _ in range(data.draw(st.integers(1, 6))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    cut_at = data.draw(st.integers(0, len(payload)))

    assert refusal(bytes(payload[:cut_at])) in (None, *FRAME_REASONS)


def refusal(payload: bytes) -> str | None:
    """Why a message is refused, None where it is not."""
    try:
        decode(payload)
    except FrameError as error:
        return error.reason
    return None


BAD_FRAMES = [
    ("stream-id", {"stream_id": ""}),
    ("stream-id", {"stream_id": "x" * 129}),
    ("session", {"session": "x" * 129}),
    ("first-sample", {"first_sample": -1}),
    ("first-sample", {"first_sample": 2**60}),
    ("fs", {"fs": 0.0}),
    ("fs", {"fs": float("nan")}),
    ("fs", {"fs": float("inf")}),
    ("fs", {"fs": -250.0}),
    ("fs", {"fs": 10_000.0}),
    ("fs", {"fs": 1.0}),
    ("leads", {"leads": ()}),
    ("leads", {"leads": (Lead("II"),) * (MAX_LEADS + 1)}),
    ("lead", {"leads": (Lead(""), Lead("V1"))}),
    ("lead", {"leads": (Lead("x" * 65), Lead("V1"))}),
    ("gain", {"leads": (Lead("II", adc_gain=0.0), Lead("V1"))}),
    ("gain", {"leads": (Lead("II", adc_gain=float("nan")), Lead("V1"))}),
    ("samples", {"leads": (Lead("II"), Lead("V1"), Lead("V2"))}),
    ("empty", {"samples": np.zeros((2, 0), np.int16)}),
    ("too-large", {"samples": np.zeros((2, MAX_FRAME_BYTES // 4 + 1), np.int16)}),
]


@pytest.mark.parametrize(("reason", "change"), BAD_FRAMES)
def test_bad_frames_are_refused_on_both_sides(reason: str, change: dict[str, object]) -> None:
    bad = dataclasses.replace(frame(0, 5), **change)  # type: ignore[arg-type]

    with pytest.raises(FrameError) as on_sending:
        encode([bad])
    with pytest.raises(FrameError) as on_receiving:
        decode(unchecked(bad))

    assert (on_sending.value.reason, on_receiving.value.reason) == (reason, reason)


def unchecked(bad: Frame) -> bytes:
    """Encode a frame as a careless device might."""
    batch = frame_pb2.FrameBatch(version=1)
    batch.frames.add(
        stream_id=bad.stream_id,
        session=bad.session,
        first_sample=bad.first_sample,
        start_unix_ns=bad.start_unix_ns,
        fs=bad.fs,
        samples=bad.samples.tobytes(),
        last=bad.last,
        leads=[
            frame_pb2.Lead(name=x.name, unit=x.unit, adc_gain=x.adc_gain, baseline=x.baseline)
            for x in bad.leads
        ],
    )
    return batch.SerializeToString()


def test_samples_that_are_not_int16_are_not_sent() -> None:
    with pytest.raises(FrameError, match="int16"):
        encode([dataclasses.replace(frame(0, 5), samples=np.zeros((2, 5)))])


@pytest.mark.parametrize(
    ("reason", "payload"),
    [
        ("not-protobuf", b"\xff\xff not a frame"),
        ("version", b""),
        ("version", frame_pb2.FrameBatch(version=2).SerializeToString()),
        ("too-large", bytes(MAX_PAYLOAD_BYTES + 1)),
    ],
)
def test_bad_messages_are_refused(reason: str, payload: bytes) -> None:
    with pytest.raises(FrameError) as refused:
        decode(payload)

    assert refused.value.reason == reason


def test_an_odd_number_of_bytes_is_refused() -> None:
    batch = frame_pb2.FrameBatch.FromString(encode([frame(0, 5)]))
    batch.frames[0].samples += b"\0"

    with pytest.raises(FrameError, match="two bytes for each sample"):
        decode(batch.SerializeToString())


def test_one_bad_frame_refuses_its_whole_message() -> None:
    batch = frame_pb2.FrameBatch.FromString(encode([frame(0, 5), frame(5, 10)]))
    batch.frames[1].fs = 0

    with pytest.raises(FrameError, match="fs of 0 Hz"):
        decode(batch.SerializeToString())


def test_equal_leads_are_shared_between_frames() -> None:
    one, other = decode(encode([frame(0, 5), frame(5, 10)]))

    assert one.leads[0] is other.leads[0]
    assert one.fs == FS
    assert one.leads == LEADS


@pytest.mark.parametrize("n_leads", [1, 65])
def test_leads_that_are_endless_are_refused_and_not_remembered(n_leads: int) -> None:
    batch = frame_pb2.FrameBatch(version=VERSION)
    message = batch.frames.add(stream_id="p1", fs=250.0, samples=bytes(2 * n_leads))
    for i in range(n_leads):
        message.leads.add(name=f"L{i}", unit="mV", adc_gain=200.0)
    if n_leads == 1:
        message.leads[0].MergeFromString(b"\x7a\xd0\x0f" + bytes(2000))  # a field nobody knows
    before = codec._leads.cache_info().currsize

    with pytest.raises(FrameError) as refused:
        codec.decode(batch.SerializeToString())

    assert refused.value.reason == "leads"
    assert codec._leads.cache_info().currsize == before
