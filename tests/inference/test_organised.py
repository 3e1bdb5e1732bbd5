"""What a lethal waveform is called, by the beats found in it."""

from pathlib import Path

import numpy as np
import pytest

from inference.conditions import Code
from inference.lethal import LethalRhythm
from inference.limits import Limits
from inference.organised import Lethal, lethal_kind
from inference.pipeline import Pipeline
from inference.session import StreamSession
from inference.ticks import AAMI, TICK_MS, BlockBeats
from ingest.simulator import sinus, tachycardia, ventricular_fibrillation, ventricular_tachycardia
from tests.inference.onnx_models import rhythm_like
from tests.inference.patients import Tape

LIMITS = Limits(vf_s=3.0)
N = 25
CODES = (
    Code.VENTRICULAR_FIBRILLATION,
    Code.VENTRICULAR_TACHYCARDIA,
    Code.EXTREME_TACHYCARDIA,
)


def beats(rr_ms: int, n: int = 8, aami: str = "N") -> tuple[np.ndarray, np.ndarray]:
    codes = [AAMI.index(aami[i % len(aami)]) for i in range(n)]
    return rr_ms * np.arange(1, n + 1), np.array(codes, np.int8)


@pytest.mark.parametrize(
    ("rr_ms", "n", "aami", "sharp", "n_usual", "kind"),
    [
        (400, 8, "N", False, 0, Lethal.TACHYCARDIA),
        (400, 8, "V", False, 0, Lethal.TACHYCARDIA),
        (400, 8, "NV", False, 8, Lethal.TACHYCARDIA),
        (320, 8, "N", False, 0, Lethal.TACHYCARDIA),
        (320, 8, "N", False, 5, Lethal.TACHYCARDIA),
        (320, 8, "N", False, 6, Lethal.LEFT),
        (400, 8, "N", False, 6, Lethal.LEFT),
        (400, 8, "NNV", True, 0, Lethal.LEFT),
        (400, 8, "V", True, 8, Lethal.TACHYCARDIA),
        (320, 8, "N", True, 0, Lethal.TACHYCARDIA),
        (320, 8, "N", True, 8, Lethal.LEFT),
        (240, 8, "V", False, 0, Lethal.FIBRILLATION),
        (240, 8, "N", True, 8, Lethal.FIBRILLATION),
        (400, 7, "V", False, 0, Lethal.FIBRILLATION),
        (870, 8, "N", False, 0, Lethal.FIBRILLATION),
        (870, 8, "V", True, 0, Lethal.LEFT),
    ],
)
def test_the_name_goes_by_evenness_rate_classes_sharpness_and_the_usual_shape(
    rr_ms, n, aami, sharp, n_usual, kind
):
    r_ms, codes = beats(rr_ms, n, aami)
    assert lethal_kind(r_ms, codes, int(r_ms[-1]) + 700, sharp=sharp, n_usual=n_usual) is kind


def test_uneven_or_old_complexes_are_no_tachycardia():
    r_ms, codes = beats(400)
    assert lethal_kind(r_ms, codes, int(r_ms[-1]) + 1501) is Lethal.FIBRILLATION
    uneven = r_ms + np.array([0, 90, 0, -90, 0, 90, 0, -90])
    assert lethal_kind(uneven, codes, int(r_ms[-1]) + 700) is Lethal.FIBRILLATION
    uneven = np.array([0, 400, 900, 1300, 1800, 2200, 2700, 3100])
    assert lethal_kind(uneven, codes, 3800, sharp=True) is Lethal.LEFT
    assert lethal_kind(uneven // 2, codes, 2200, sharp=True) is Lethal.FIBRILLATION


@pytest.fixture(scope="module")
def rhythm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rhythm_like(tmp_path_factory.mktemp("models") / "rhythm.onnx")


def named(
    rhythm: Path,
    p: np.ndarray,
    r_ms: np.ndarray,
    aami: np.ndarray,
    seed: int,
    shapes: np.ndarray | None = None,
    spike: float = 0.0,
) -> list[tuple[int, bool, int, int]]:
    """Feed one stream in random portions; give condition, onset, time and tick of its turns."""
    session = StreamSession(rhythm, "rhythm", 1)
    stage, rng, told = LethalRhythm(session, LIMITS, 1, before=15), seed, []
    windows = np.zeros((len(r_ms), 31), np.float32) if shapes is None else shapes
    draw = np.random.default_rng(rng)
    past = Past()
    at = 0
    while at < len(p):
        n = min(int(draw.integers(1, 12)), len(p) - at)
        tick = -(-(r_ms + 680) // TICK_MS) - 1
        new = np.flatnonzero((tick >= at) & (tick < at + n))
        rows = np.zeros(len(new), np.intp)
        block = BlockBeats(
            rows, (tick[new] - at).astype(np.intp), r_ms[new], np.full(len(new), 400),
            aami[new], np.ones(len(new), np.float32), windows[new, None],
        )  # fmt: skip
        scaled = np.repeat(p[None, at : at + n, None], N, axis=2).astype(np.float32)
        scaled[:, :, 12:14] += spike
        good = np.ones((1, n), bool)
        first_ms = np.array([(at + 1) * TICK_MS])
        turns = stage.find(np.array([0]), first_ms, scaled, 500.0 * good, good, block, past.state)
        past.take(block)
        told += [
            (int(c), bool(on), int(ms), int(k) + at)
            for c, on, ms, k in zip(turns.code, turns.onset, turns.at_ms, turns.tick, strict=True)
        ]
        at += n
    return told


class Past:
    """The ring of beats before a block, as the episodes keep it."""

    def __init__(self) -> None:
        self.state = {
            "newest": np.zeros(1, np.int64),
            "beat_r_ms": np.full((1, 20), -1),
            "beat_aami": np.zeros((1, 20), np.int8),
        }

    def take(self, block: BlockBeats) -> None:
        for r_ms, aami in zip(block.r_ms, block.aami, strict=True):
            self.state["newest"] = (self.state["newest"] + 1) % 20
            self.state["beat_r_ms"][0, self.state["newest"]] = r_ms
            self.state["beat_aami"][0, self.state["newest"]] = aami


@pytest.mark.parametrize("seed", range(6))
def test_the_name_follows_the_beats_after_two_seconds_in_any_portions(rhythm, seed):
    p = np.concatenate([np.zeros(50), np.ones(150), np.zeros(40)])
    r_ms = np.concatenate([np.arange(400, 20_000, 400), np.arange(20_100, 24_000, 1300)])
    codes = np.full(len(r_ms), AAMI.index("V"), np.int8)
    told = named(rhythm, p, r_ms, codes, seed)
    vt, vf = Code.VENTRICULAR_TACHYCARDIA, Code.VENTRICULAR_FIBRILLATION
    assert [(code, onset) for code, onset, _, _ in told] == [
        (vt, True), (vt, False), (vf, True), (vf, False),
    ]  # fmt: skip
    (_, _, since_ms, at), (_, _, over_ms, _), (_, _, began_ms, renamed), (_, _, end_ms, _) = told
    assert since_ms == 50 * TICK_MS
    assert (at + 1) * TICK_MS - since_ms <= 1000 * LIMITS.vf_s
    assert over_ms == began_ms == (renamed + 1) * TICK_MS - 2000
    assert end_ms == 200 * TICK_MS


def shaped(width: float, n: int) -> np.ndarray:
    """Windows of beats, all of one QRS of some width, samples."""
    return np.tile(np.exp(-((np.arange(31) - 15) ** 2) / width**2), (n, 1)).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_an_even_rhythm_of_usual_beats_is_left_to_its_rate_and_one_of_others_is_tachycardia(
    rhythm, seed
):
    p = np.concatenate([np.zeros(50), np.ones(100), np.zeros(40)])
    r_ms = np.concatenate([np.arange(500, 9000, 500), np.arange(9000, 38_000, 320)])
    n_before = int((r_ms < 9000).sum())
    codes, shapes = np.zeros(len(r_ms), np.int8), shaped(2, len(r_ms))
    assert named(rhythm, p, r_ms, codes, seed, shapes) == []
    shapes[n_before:] = shaped(8, len(r_ms) - n_before)
    told = {(code, onset) for code, onset, _, _ in named(rhythm, p, r_ms, codes, seed, shapes)}
    assert (Code.VENTRICULAR_TACHYCARDIA, True) in told


@pytest.mark.parametrize("seed", range(3))
def test_sharp_complexes_at_no_fast_rate_are_left_to_their_beats_even_or_not(rhythm, seed):
    p = np.concatenate([np.zeros(50), np.ones(100), np.zeros(40)])
    r_ms = np.cumsum(np.tile([400, 700, 500], 24))
    codes = np.zeros(len(r_ms), np.int8)
    told = named(rhythm, p, r_ms, codes, seed)
    assert {code for code, _, _, _ in told} == {Code.VENTRICULAR_FIBRILLATION}
    assert named(rhythm, p, r_ms, codes, seed, spike=0.5) == []


def test_simulated_tachycardia_is_told_as_one_and_fibrillation_as_fibrillation():
    rhythms = {
        "sinus": tachycardia(40.0, 180.0),
        "vt": ventricular_tachycardia(30.0, 175.0),
        "vf": ventricular_fibrillation(30.0),
    }
    items = [
        item
        for name, rhythm in rhythms.items()
        for item in Tape(name, 250.0).simulate(sinus(15.0), rhythm, sinus(8.0)).end().items
    ]
    found: dict[str, set[Code]] = {name: set() for name in rhythms}
    for edge in Pipeline().push(items).edges:
        if edge.code in CODES:
            found[edge.stream.stream_id].add(edge.code)
    assert Code.VENTRICULAR_FIBRILLATION not in found["sinus"] | found["vt"]
    assert Code.EXTREME_TACHYCARDIA in found["sinus"]
    assert Code.VENTRICULAR_TACHYCARDIA in found["vt"]
    assert Code.VENTRICULAR_FIBRILLATION in found["vf"]
