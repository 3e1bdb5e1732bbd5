"""Temperature scaling of a candidate's V head, on whom it learned from (Guo et al., ICML 2017).

Training with synthetic beats and with labels of people leaves a model less sure than it is
right. One number mends that and changes no decision at one half: the logit is divided by it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from inference import model
from inference.ticks import N, V
from ingest.errors import InputError
from training.architectures.beat import BeatClassifier
from training.beat_task import recall_record
from training.datasets import LabelledSignal
from training.export import export
from training.gates.parity import beat_inputs
from training.retrain.models import Known, cool, open_model, spec_of

TEMPERATURES = np.geomspace(0.2, 5.0, 97)
"""What is tried."""


def best_temperature(logit: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Find what logits are to be divided by for the least log loss.

    Parameters
    ----------
    logit : array of shape (n,)
    truth : array of shape (n,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sure = rng.normal(0, 2, 20_000)
    >>> truth = rng.random(20_000) < 1 / (1 + np.exp(-sure))
    >>> [round(best_temperature(sure * scale, truth), 1) for scale in (0.5, 1.0, 3.0)]
    [0.5, 1.0, 3.0]
    """
    sign = np.where(truth, -1.0, 1.0) * logit
    losses = [np.logaddexp(0, sign / t).mean() for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


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
    if not isinstance(module, BeatClassifier) or run is None or "temperature" in run:
        raise InputError(f"{known.path}: only a fresh run of a beat model is calibrated")
    logits, truths = [], []
    with torch.no_grad():
        for signal in signals:
            v, _, _ = module.logits(*recall_record(signal), module.initial_state(1))
            told = (signal.aami >= N) & (signal.aami <= V)
            logits.append(v[:, 0].double().numpy()[told])
            truths.append(signal.aami[told] == V)
    temperature = best_temperature(np.concatenate(logits), np.concatenate(truths))
    cool(module, temperature)
    session, info = model.load(known.path)
    states = [i.name for i in session.get_inputs() if i.name.startswith("state_")]
    difference = export(module, beat_inputs(module, states, 2), spec_of(info), known.path)
    told_run = run | {"temperature": temperature, "onnx_difference": difference}
    path = known.path.with_name("run.json")
    path.write_text(json.dumps(told_run, indent=2) + "\n", "utf-8")
    return open_model(known.path.parent)
