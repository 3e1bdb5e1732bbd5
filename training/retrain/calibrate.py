"""Temperature scaling of a candidate's V head, on whom it learned from (Guo et al., ICML 2017).

Training with synthetic beats and with labels of people leaves a model less sure than it is
right. One number mends that: the logit is divided by it, and the threshold of V moves along, so
that what was over it stays so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from inference import model
from inference.ticks import N, V
from ingest.errors import InputError
from training.architectures.beat import BeatClassifier
from training.architectures.two_lead import N_LEADS, TwoLeadClassifier
from training.beat_sequences import leads_together
from training.beat_task import beats_of, recall_record
from training.datasets import LabelledSignal
from training.export import export
from training.gates.parity import beat_inputs
from training.retrain.models import Known, cool, open_model, spec_of
from training.two_lead_task import recall_leads

TEMPERATURES = np.geomspace(0.2, 5.0, 97)
"""What is tried."""


def best_temperature(
    logit: NDArray[np.float64],
    truth: NDArray[np.bool_],
    weight: NDArray[np.float64] | None = None,
) -> float:
    """Find what logits are to be divided by for the least log loss.

    Parameters
    ----------
    logit : array of shape (n,)
    truth : array of shape (n,)
    weight : array of shape (n,), optional
        How much each counts; all alike by default.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sure = rng.normal(0, 2, 20_000)
    >>> truth = rng.random(20_000) < 1 / (1 + np.exp(-sure))
    >>> [round(best_temperature(sure * scale, truth), 1) for scale in (0.5, 1.0, 3.0)]
    [0.5, 1.0, 3.0]
    """
    sign = np.where(truth, -1.0, 1.0) * logit
    losses = [np.average(np.logaddexp(0, sign / t), weights=weight) for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def moved(threshold: float, temperature: float) -> float:
    """Move a threshold with the probabilities, so that what was above it stays above it.

    Examples
    --------
    >>> moved(0.5, 2.0), round(moved(0.4, 0.5), 3), moved(1.0, 2.0)
    (0.5, 0.308, 1.0)
    """
    if not 0 < threshold < 1:
        return threshold
    return float(1 / (1 + (1 / threshold - 1) ** (1 / temperature)))


@torch.no_grad()
def v_logits(
    module: BeatClassifier | TwoLeadClassifier, signals: Sequence[LabelledSignal]
) -> Iterator[tuple[LabelledSignal, NDArray[np.float64]]]:
    """Score records at their reference R-peaks.

    Parameters
    ----------
    module : BeatClassifier or TwoLeadClassifier
        The model.
    signals : sequence of LabelledSignal
        Of a model of two leads, both of each record.

    Yields
    ------
    signal : LabelledSignal
        The first of those that were seen together.
    logit : array of shape (n_beats,)
        Of V.

    Raises
    ------
    ingest.errors.InputError
        If a record has too few leads.
    """
    if isinstance(module, BeatClassifier):
        for signal in signals:
            v, _, _ = module.logits(*recall_record(signal), module.initial_state(1))
            yield signal, v[:, 0].double().numpy()
        return
    for leads in leads_together(signals, N_LEADS):
        cut = [beats_of(lead) for lead in leads]
        windows = np.stack([windows for windows, _ in cut])[None]
        v, _, _ = module.logits(*recall_leads(windows, cut[0][1][None]))
        yield leads[0], v[:, 0].double().numpy()


def recalibrate(known: Known, signals: Sequence[LabelledSignal]) -> Known:
    """Fit the temperature, write the model anew into its run folder, and open it.

    Parameters
    ----------
    known : Known
        A candidate of a run folder.
    signals : sequence of LabelledSignal
        Whom it learned from.

    Raises
    ------
    ingest.errors.InputError
        If its trained module is not there, or it was calibrated already.
    """
    module, run = known.module, known.run
    kinds = BeatClassifier | TwoLeadClassifier
    if not isinstance(module, kinds) or run is None or "temperature" in run:
        raise InputError(f"{known.path}: only a fresh run of a beat model is calibrated")
    logits, truths, weights = [], [], []
    for signal, logit in v_logits(module, signals):
        told = (signal.aami >= N) & (signal.aami <= V)
        logits.append(logit[told])
        truths.append(signal.aami[told] == V)
        weights.append(np.full(told.sum(), signal.weight))
    temperature = best_temperature(*map(np.concatenate, (logits, truths, weights)))
    cool(module, temperature)
    session, info = model.load(known.path)
    states = [i.name for i in session.get_inputs() if i.name.startswith("state_")]
    thresholds = {**info.thresholds, "V": moved(info.thresholds["V"], temperature)}
    spec = replace(spec_of(info), thresholds=thresholds)
    difference = export(module, beat_inputs(module, states, 2, known.n_leads), spec, known.path)
    told_run = run | {
        "temperature": temperature,
        "served_thresholds": thresholds,
        "onnx_difference": difference,
    }
    path = known.path.with_name("run.json")
    path.write_text(json.dumps(told_run, indent=2) + "\n", "utf-8")
    return open_model(known.path.parent)
