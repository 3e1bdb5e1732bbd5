"""Trials of S branches: what they see, what they remember, how they are told and written down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inference.ticks import N, S, V
from ingest.errors import InputError
from training.architectures.beat import BeatClassifier, BeatSize
from training.architectures.recall import FIT_ATRIAL, HAS_RR, RR, TYPICAL_S
from training.architectures.recall import N_FEATURES as N_RECALLED
from training.architectures.rhythm import N_RHYTHM
from training.beat_task import recall_record
from training.datasets import LabelledSignal
from training.s_beats.branch import FORMS, Form, fitted
from training.s_beats.further import n_told
from training.s_beats.long_memory import N_FEATURES, N_LONG, PARTS, long_memory, remembered
from training.s_beats.page import BEGIN, END, SHIPPED, gain, write_page, wrong_v
from training.s_beats.seen import Seen, kept_or, seen_record
from training.s_beats.told import Told, mean_of, scores

TRIED = [form for form in FORMS if form.name in ("shipped", "further", "attention")]
"""Forms that differ in what they learn by."""
EARLY, WIDTH = 0, 2
"""Places among what is told of the densest part: how early, and how wide it is."""


def heard(rr_s: list[float], aami: list[int] | None = None) -> Seen:
    """Beats of which the intervals alone are known."""
    n = len(rr_s)
    features = torch.zeros(n, 1, N_RECALLED)
    rr = torch.tensor(rr_s)
    features[:, 0, RR], features[:, 0, HAS_RR] = rr - TYPICAL_S, (rr > 0).float()
    features[:, 0, FIT_ATRIAL] = 1
    codes = torch.zeros(n, 1, dtype=torch.int64) if aami is None else torch.tensor(aami)[:, None]
    return Seen(
        torch.zeros(n, 1, 2, 26).half(),
        features,
        torch.zeros(n, 1, N_RHYTHM),
        torch.full((n, 1), -9.0),
        codes,
    )


def test_the_usual_interval_is_found_though_many_beats_are_early() -> None:
    plain = [0.8 + 0.004 * (i % 5) for i in range(60)]
    frequent = list(plain)
    for i in range(3, 60, 5):  # a fifth early, a fifth after a pause
        frequent[i], frequent[i + 1] = 0.6, 1.0
    regular, disturbed = (long_memory(heard(rr))[59, 0] for rr in (plain, frequent))
    early = long_memory(heard([*frequent[:59], 0.6]))[59, 0]
    for part in range(len(PARTS)):
        at = 5 * part
        assert disturbed[at + WIDTH] == pytest.approx(float(regular[at + WIDTH]), abs=0.1)
        assert float(early[at + EARLY]) == pytest.approx(np.log(0.6 / 0.808), abs=0.02)


def test_no_usual_interval_is_seen_in_fibrillation() -> None:
    rng = np.random.default_rng(0)
    wild = long_memory(heard(np.exp(rng.normal(-0.4, 0.25, 60)).tolist()))[59, 0]
    calm = long_memory(heard((0.8 + rng.normal(0, 0.01, 60)).tolist()))[59, 0]
    assert wild[WIDTH] > 2 * calm[WIDTH]


def test_intervals_beside_ventricular_beats_are_not_remembered() -> None:
    rr = torch.tensor([[0.0], [0.8], [0.5], [1.1], [0.82]])
    past, since_s = remembered(rr, torch.tensor([[0], [0], [1], [0], [0]]).bool())
    assert past[4, 0, :2].tolist() == pytest.approx([0.8, 0.0])
    assert since_s[3, 0, 0] == pytest.approx(0.5)
    assert past.shape == (5, 1, N_LONG)


def test_a_prefix_is_told_as_in_the_whole() -> None:
    rr = np.random.default_rng(1).uniform(0.4, 1.2, 50).tolist()
    whole, begun = long_memory(heard(rr)), long_memory(heard(rr[:30]))
    assert whole.shape == (50, 1, N_FEATURES)
    torch.testing.assert_close(whole[:30], begun)


def test_the_v_branch_has_its_word_as_in_the_model(signals: list[LabelledSignal]) -> None:
    torch.manual_seed(0)
    size = BeatSize(hidden_v=4, hidden_s=4, rhythm=1, core_s="dense")
    model = BeatClassifier(size).eval()
    seen = seen_record(model, signals[0])
    with torch.no_grad():
        v, _, _ = model.logits(*recall_record(signals[0]), model.initial_state(1))
    torch.testing.assert_close(seen.v, v)
    assert seen.rhythm.shape[-1] == N_RHYTHM
    assert seen.aami[:, 0].tolist() == signals[0].aami.tolist()


def test_what_was_seen_is_seen_once(tmp_path: Path) -> None:
    calls: list[int] = []

    def make() -> Seen:
        calls.append(1)
        return heard([0.8, 0.7])

    first, again = (kept_or(tmp_path / "x" / "a.pt", make) for _ in range(2))
    assert len(calls) == 1
    torch.testing.assert_close(first.features, again.features)


@pytest.mark.train
@pytest.mark.parametrize("form", TRIED, ids=lambda form: form.name)
def test_a_branch_learns_early_beats_from_n_and_s_alone(form: Form) -> None:
    rng = np.random.default_rng(0)
    aami = np.where(rng.random(80) < 0.2, S, N)
    aami[:3] = N
    rr = np.where(aami == S, 0.55, 0.8) + rng.normal(0, 0.01, 80)
    codes = np.where(rng.random(80) < 0.1, V, aami)  # V says nothing of S
    seen = heard(rr.tolist(), codes.tolist())
    seen.features[:, 0, 0] = torch.from_numpy(4 * np.log(rr / 0.8)).float()
    pool = seen.columns(torch.zeros(4, dtype=torch.int64))
    nothing = torch.zeros(80, 4, n_told(form.further))
    branch = fitted(form, [(pool, nothing)], steps=120, batch=4)
    with torch.no_grad():
        told = branch(seen, nothing[:, :1])[:, 0].numpy() > 0
    asked = codes != V
    assert (told[asked] == (codes[asked] == S)).mean() > 0.95


def test_several_models_are_heard_as_one() -> None:
    aami = np.array([N, S, V], np.int8)
    sure, wrong = np.array([[-9, -9], [-9, 4], [9, 0]]), np.array([[-9, -9], [-9, -1], [9, 0]])
    one, other = (Told("a", aami, logits.astype(np.float32)) for logits in (sure, wrong))
    assert one.called.tolist() == [N, S, V]
    assert other.called.tolist() == [N, N, V]
    assert scores(mean_of([[one], [other]])) == (100.0, 100.0)
    assert scores([other]) == (100.0, 0.0)


def test_the_page_tells_ds1_only_where_all_folds_were_made(tmp_path: Path) -> None:
    counts = np.zeros((5, 5), int)
    counts[S, S], counts[S, N], counts[N, N] = 3, 1, 9

    def trial(side: str) -> dict[str, object]:
        records = {"801": counts.tolist()}
        return {"form": "shipped", "side": side, "seed": 0, "records": records}

    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nbehind\n", "utf-8")
    found = {"models": [], "trials": [trial("all"), trial("fold0")]}
    text = write_page(found, page).read_text("utf-8")
    assert text.startswith("before")
    assert text.endswith("behind\n")
    assert "old" not in text
    assert "| 1 | 85.7 | – | 85.7 | – |" in text
    assert "| 801 | 4 | 0 | 1 / 0 |" in text
    page.write_text("no marks", "utf-8")
    with pytest.raises(InputError, match="has no marks"):
        write_page(found, page)


def test_v_beats_told_wrong_by_the_shipped_model_stand_by_record() -> None:
    counts = np.zeros((6, 5, 5), int)
    counts[:, V, V] = 10
    counts[0, V, S], counts[1, N, V], counts[2, V, N], counts[3, S, V] = 30, 20, 8, 4
    records = {f"80{i}": c.tolist() for i, c in enumerate(counts)}
    model = {"name": SHIPPED, "alone": [[0, 0]], "mean": [0, 0], "n": 1, "records": records}
    rows = wrong_v([model]).splitlines()[2:]
    assert [row.split(" | ")[0].strip("| ") for row in rows] == [
        *("800", "801", "802", "803"),
        "all",
        "the other 2",
    ]
    assert rows[0] == "| 800 | 40 | 0 | 30 | 0 | 0 | – |"
    assert rows[-1] == "| the other 2 | 20 | 0 | 0 | 0 | 0 | 100.0 |"
    assert wrong_v([{"name": "another"}]) == ""


def test_a_gain_is_told_over_the_seeds_of_both_by_drawing_patients() -> None:
    def counts(found: int) -> np.ndarray:
        c = np.zeros((5, 5), int)
        c[S, S], c[S, N], c[N, N] = found, 10 - found, 50
        return c

    first = {seed: {f"80{i}": counts(5) for i in range(8)} for seed in range(3)}
    own = {0: {f"80{i}": counts(5 + i % 4) for i in range(8)}}
    assert gain(own, {}) == "–"
    mean, _, span = gain(own, first).partition(" ")
    low, high = (float(part) for part in span.strip("[]").split(", "))
    assert 0 < low < float(mean) < high
    same = gain(first, first)
    assert same == "+0.0"
