"""Rhythms that models tell: when fibrillation, ventricular or atrial, begins and ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.conditions import OF_NUMERICS, Code, Kind, condition_by_name
from inference.episodes import Episodes
from inference.fibrillation import AtrialFibrillation
from inference.lethal import SMALLEST_UV, THRESHOLD, LethalRhythm
from inference.limits import Limits
from inference.quality import QualityTicks
from inference.rhythm_turns import RhythmTurns
from inference.session import StreamSession
from inference.ticks import AAMI, TICK_MS, BlockBeats, no_beats
from inference.time_to_alarm import time_to_alarm_s
from ingest.errors import InputError
from tests.inference.contract import StageCase, check_all
from tests.inference.onnx_models import atrial_like, beat_like, rhythm_like

FS, N = 125, 25
LIMITS = Limits(vf_s=3.0, af_beats=16)
Turn = tuple[int, bool, int]
"""Number of the tick or beat that decided, whether it began, and since when, ms."""


@pytest.fixture(scope="module")
def rhythm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rhythm_like(tmp_path_factory.mktemp("models") / "rhythm.onnx")


@pytest.fixture(scope="module")
def atrial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return atrial_like(tmp_path_factory.mktemp("models") / "atrial.onnx")


def lethal(path: Path, n_slots: int = 1) -> LethalRhythm:
    return LethalRhythm(StreamSession(path, "rhythm", n_slots), LIMITS, n_slots)


def feed(
    stage: LethalRhythm, p: np.ndarray, scale_uv: np.ndarray, heard: np.ndarray, first: int = 0
) -> list[list[Turn]]:
    """Give ticks of several streams, probability as signal; return what each row was told."""
    scaled = np.repeat(p[:, :, None], N, axis=2).astype(np.float32)
    first_ms = np.full(len(p), (first + 1) * TICK_MS, np.int64)
    turns = stage.find(np.arange(len(p)), first_ms, scaled, scale_uv.astype(np.float32), heard)
    told: list[list[Turn]] = [[] for _ in p]
    for row, tick, code, onset, at_ms in zip(
        turns.row, turns.tick, turns.code, turns.onset, turns.at_ms, strict=True
    ):
        assert code == Code.VENTRICULAR_FIBRILLATION
        told[row].append((first + int(tick), bool(onset), int(at_ms)))
    return told


def expected(p: np.ndarray, n: int, limit: float = THRESHOLD) -> list[Turn]:
    """Say the same of one stream tick by tick, in fractions of 2^15 as a person would."""
    kept = [0] * n + [round(float(np.float32(x)) * 2**15) for x in p]
    told: list[Turn] = []
    is_open = False
    for tick in range(len(p)):
        window = kept[tick + 1 : tick + 1 + n]
        mean = np.float32(sum(window) / (n * 2**15))
        if is_open != (mean >= (limit / 2 if is_open else limit)):
            is_open = not is_open
            likely = [i for i, x in enumerate(window) if x > 2**14]
            place = 0 if not likely else likely[0] if is_open else likely[-1] + 1
            told.append((tick, is_open, max((tick + 1 - n + place) * TICK_MS, 0)))
    return told


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.3, 0.6, 1.0]), st.integers(1, 30)), max_size=8),
    st.integers(0, 2**32 - 1),
)
def test_fibrillation_is_told_as_by_hand_in_any_portions(
    rhythm: Path, runs: list[tuple[float, int]], seed: int
) -> None:
    p = np.concatenate([np.zeros(1), *(np.full(n, level) for level, n in runs)])
    stage, rng, told, at = lethal(rhythm), np.random.default_rng(seed), [], 0
    while at < len(p):
        part = p[None, at : at + int(rng.integers(1, 12))]
        told += feed(stage, part, np.full(part.shape, 500.0), np.ones(part.shape, bool), at)[0]
        at += part.shape[1]
    assert told == expected(p, 15)


def test_it_is_called_within_its_time_and_dated_back_to_where_it_began(rhythm: Path) -> None:
    p = np.concatenate([np.zeros(50), np.ones(50), np.zeros(50)])[None]
    (told,) = feed(lethal(rhythm), p, np.full(p.shape, 500.0), np.ones(p.shape, bool))
    (begun, onset, since_ms), (ended, over, until_ms) = told
    assert (onset, since_ms) == (True, 50 * TICK_MS)
    assert (over, until_ms) == (False, 100 * TICK_MS)
    bound_s = time_to_alarm_s(Code.VENTRICULAR_FIBRILLATION, LIMITS, 0)
    assert (begun + 1 - 50) * TICK_MS / 1000 <= bound_s
    assert ended < 120


def test_waves_too_small_and_a_lead_that_is_off_are_not_fibrillation(rhythm: Path) -> None:
    p, every = np.ones((2, 60)), np.ones((2, 60), bool)
    scale_uv = np.array([[SMALLEST_UV - 1], [SMALLEST_UV]]) * every
    assert [len(told) for told in feed(lethal(rhythm, 2), p, scale_uv, every)] == [0, 1]
    heard = every.copy()
    heard[0] = False
    assert [len(told) for told in feed(lethal(rhythm, 2), p, 500.0 * every, heard)] == [0, 1]


def test_stages_of_model_rhythms_keep_the_contract(rhythm: Path, atrial: Path) -> None:
    rng = np.random.default_rng(3)
    p = np.repeat(rng.choice([0.0, 0.6, 1.0], (5, 12)), 10, axis=1)

    def step_lethal(stage: LethalRhythm, slots: np.ndarray, tick: np.ndarray) -> list[str]:
        level, number = tick[:, :1], int(tick[0, 1])
        scaled = np.repeat(level[:, :, None], N, axis=2).astype(np.float32)
        first_ms = np.full(len(slots), (number + 1) * TICK_MS)
        whole = np.ones(level.shape, bool)
        turns = stage.find(slots, first_ms, scaled, 500.0 * whole, whole)
        return [of_row(turns, row) for row in range(len(slots))]

    ticks = [np.stack([p[:, k], np.full(5, k)], axis=1) for k in range(p.shape[1])]
    check_all(StageCase(lambda n: lethal(rhythm, n), step_lethal, ticks, 5))

    def step_atrial(stage: AtrialFibrillation, slots: np.ndarray, tick: np.ndarray) -> list[str]:
        turns = stage.find(slots, beats_of(tick[:, 0], uneven(tick[:, 1].astype(np.int64))))
        return [of_row(turns, row) for row in range(len(slots))]

    check_all(StageCase(lambda n: fibrillation(atrial, n), step_atrial, ticks, 5))


def of_row(turns: RhythmTurns, row: int) -> str:
    mine = turns.row == row
    return repr([turns.onset[mine].tolist(), turns.at_ms[mine].tolist()])


def fibrillation(path: Path, n_slots: int = 1) -> AtrialFibrillation:
    return AtrialFibrillation(StreamSession(path, "beat-rhythm", n_slots), LIMITS, n_slots)


def uneven(beat: np.ndarray | int) -> np.ndarray:
    """R-peaks of a rhythm that is as irregular as fibrillation, ms."""
    r_ms = np.cumsum(np.random.default_rng(0).integers(450, 1250, 2000))
    return np.asarray(r_ms[beat])


def beats_of(p: np.ndarray, r_ms: np.ndarray, aami_code: int = 0) -> BlockBeats:
    """One beat of each row, its probability as window."""
    n = len(p)
    windows = np.repeat(p[:, None, None], 85, axis=2).astype(np.float32)
    rows, zeros = np.arange(n), np.zeros(n, np.intp)
    rr_ms, aami = np.full(n, 800), np.full(n, aami_code, np.int8)
    return BlockBeats(rows, zeros, r_ms, rr_ms, aami, np.ones(n, np.float32), windows)


def told_of(atrial: Path, p: np.ndarray, r_ms: np.ndarray, aami: str = "N") -> list[tuple]:
    stage, told = fibrillation(atrial), []
    for beat, chance in enumerate(p):
        code = AAMI.index(aami[beat % len(aami)])
        found = stage.find(np.array([0]), beats_of(np.array([chance]), r_ms[[beat]], code))
        told += list(zip(found.onset.tolist(), found.at_ms.tolist(), strict=True))
    return told


def test_atrial_fibrillation_lasts_from_its_first_beat_to_its_last(atrial: Path) -> None:
    p, r_ms = np.concatenate([np.zeros(40), np.ones(60), np.zeros(40)]), uneven(np.arange(140))
    assert told_of(atrial, p, r_ms) == [(True, r_ms[40]), (False, r_ms[99])]


@pytest.mark.parametrize("rr_ms", [[800], [900, 500], [900, 800, 500]])
def test_intervals_that_repeat_are_no_fibrillation_whatever_the_model_says(
    atrial: Path, rr_ms: list[int]
) -> None:
    jitter = np.arange(140) * 7919 % 31
    r_ms = np.cumsum(np.resize(rr_ms, 140)) + jitter
    assert told_of(atrial, np.arange(140) > 12, r_ms) == []


def test_ventricular_beats_and_those_behind_them_do_not_count_as_fibrillation(
    atrial: Path,
) -> None:
    r_ms = uneven(np.arange(140))
    assert told_of(atrial, np.ones(140), r_ms, "NNV") == []
    assert told_of(atrial, np.ones(140), r_ms, "NNNNNNNV") != []


def test_fibrillation_does_not_outlast_a_lead_that_is_off_and_is_told_anew_behind_it(
    atrial: Path,
) -> None:
    before, behind = uneven(np.arange(80)), uneven(np.arange(80))
    r_ms = np.concatenate([before, before[-1] + 20_000 + behind])
    told = told_of(atrial, np.ones(160), r_ms)
    assert [onset for onset, _ in told] == [True, True]
    assert told[1][1] >= r_ms[80]
    episodes, first_ms = Episodes(LIMITS, 680, 1), np.array([200])
    ends = []
    for tick in range(800):
        now_ms = first_ms + 200 * tick
        at = np.flatnonzero((before + 680 <= now_ms) & (before + 680 > now_ms - 200))
        found = beats_of(np.ones(len(at)), before[at])
        off = np.full((1, 1), now_ms[0] > before[-1] + 500)
        good = np.zeros((1, 1), bool)
        quality = QualityTicks(
            np.full((1, 1), 500, np.float32), good, off, good, good, np.ones((1, 1), np.float32)
        )
        onset = RhythmTurns(
            np.array([0]), np.array([0]), np.array([Code.ATRIAL_FIBRILLATION], np.int8),
            np.array([True]), np.array([5000]),
        )  # fmt: skip
        turns = onset if tick == 100 else None
        for _, at_ms, edges in episodes.advance(np.array([0]), now_ms, found, quality, turns):
            chosen = (edges.code == Code.ATRIAL_FIBRILLATION) & ~edges.onset
            ends += [(int(at_ms[0]), int(ms)) for ms in edges.at_ms[chosen]]
    last_ms = int(before[-1])
    ((decided_ms, ended_ms),) = ends
    assert ended_ms == last_ms
    assert last_ms + 10_000 + 680 <= decided_ms < last_ms + 10_000 + 680 + 200


def test_episodes_take_in_what_models_tell_while_all_else_is_quiet() -> None:
    episodes = Episodes(LIMITS, 680, 2)
    quality = QualityTicks(
        np.full((2, 5), 500, np.float32), *(np.zeros((2, 5), bool) for _ in range(4)),
        np.ones((2, 5), np.float32),
    )  # fmt: skip
    first_ms = np.array([200, 200])
    one = np.array([1])
    turns = RhythmTurns(
        one, np.array([3]), np.array([Code.VENTRICULAR_FIBRILLATION], np.int8),
        np.array([True]), np.array([100]),
    )  # fmt: skip
    slots = np.arange(2)
    (decided,) = episodes.advance(slots, first_ms, no_beats(), quality, turns)
    (told,) = zip(
        decided.slots[decided.edges.row], decided.now_ms[decided.edges.row],
        decided.edges.onset, decided.edges.at_ms, strict=True,
    )  # fmt: skip
    assert told == (1, 800, True, 100)
    assert episodes.advance(slots, first_ms + 1000, no_beats(), quality) == []
    closed = episodes.close(slots, np.array([2000, 2000]))
    assert closed.code.tolist() == [Code.VENTRICULAR_FIBRILLATION]


def test_fibrillation_of_the_ventricles_hides_every_rhythm_and_nothing_technical() -> None:
    hides = condition_by_name("ventricular_fibrillation").hides
    physiological = {
        c for c in Code if condition_by_name(c.name.lower()).kind is Kind.PHYSIOLOGICAL
    }
    # Streams of numerics have no ECG that could fibrillate.
    assert set(hides) == physiological - {Code.VENTRICULAR_FIBRILLATION, *OF_NUMERICS}


def test_models_of_other_classes_are_refused(tmp_path: Path, rhythm: Path) -> None:
    beat = beat_like(tmp_path / "beat.onnx", kind="beat-rhythm")
    with pytest.raises(InputError, match="allowed: other, AF, one lead"):
        AtrialFibrillation(StreamSession(beat, "beat-rhythm"), LIMITS)
    fast = rhythm_like(tmp_path / "fast.onnx", classes='["a", "b", "c", "d"]')
    with pytest.raises(InputError, match="allowed: other, VT, VF, ASYS, 25, one lead"):
        LethalRhythm(StreamSession(fast, "rhythm"), LIMITS)
