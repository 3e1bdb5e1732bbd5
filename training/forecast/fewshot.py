"""A new patient's first minutes: what adapting to them gains on the minutes after.

Two ways, alone and together: the running normalisation, which adapts by itself, against one by
patients at large; and some steps on the decoder's last layer, of what the first minutes taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray

from training.architectures.forecaster import Forecaster
from training.forecast.errors import error_table
from training.forecast.predict import forecast
from training.forecast.series import SensorSeries
from training.forecast.task import pinball
from training.forecast.unrolled import ahead, memory_at, unroll

SUPPORT_S = 180
"""First steps of a patient that are learned from."""
WARM_UP_S = 10
"""Steps from which no forecast is made."""
STEPS = 20
"""Steps of gradient descent."""
RATE = 2e-3
"""Learning rate; chosen beforehand, as was the number of steps."""


def adapted(model: Forecaster, series: SensorSeries) -> Forecaster:
    """Adapt the last layer of a copy to the first minutes of a patient.

    Parameters
    ----------
    model : Forecaster
        Learned from others.
    series : SensorSeries
        Only its first ``SUPPORT_S`` steps are looked at.
    """
    own = deepcopy(model).eval()
    heard = torch.from_numpy(series.values[:SUPPORT_S])
    data, size = unroll(own.normaliser, [heard]), own.size
    at = torch.arange(WARM_UP_S, SUPPORT_S)
    of = torch.zeros_like(at)
    with torch.no_grad():
        h = own.encoder.sequence(data.features)
    memory = memory_at(h, at, of, size.context) if size.context else ()
    came = ahead(data.target, at, of, size.steps, size.stride)
    truth = (came - data.last[at, of][:, None]) / data.scale[at, of][:, None]
    for parameter in own.parameters():
        parameter.requires_grad_(False)
    layer = list(own.head.parameters())
    for parameter in layer:
        parameter.requires_grad_(True)
    descent = torch.optim.Adam(layer, lr=RATE)
    for _ in range(STEPS):
        descent.zero_grad()
        given = own.decode(h[at, of], data.features[at, of], memory)
        pinball(given, truth).backward()
        descent.step()
    return own


def later_errors(
    model: Forecaster, series: Sequence[SensorSeries], *, adapt: bool
) -> list[NDArray[np.float64]]:
    """Measure what is forecast after the first minutes, as :func:`error_table`.

    Parameters
    ----------
    model : Forecaster
        Learned from others.
    series : sequence of SensorSeries
        New patients.
    adapt : bool
        Adapt the last layer to each first.
    """
    leads = [model.size.stride * (k + 1) for k in range(model.size.steps)]
    found = []
    for each in series:
        own = adapted(model, each) if adapt else model
        given = forecast(own, [each])[0]
        from_here = SUPPORT_S - 60
        late = SensorSeries(
            each.name, each.patient, each.channels, each.values[from_here:], each.fs
        )
        found.append(error_table(given[from_here:], late, leads))
    return found
