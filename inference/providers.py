"""What models run on: ONNX Runtime's execution providers, chosen by configuration.

One choice for the process, made before its models are loaded. What is not there is
passed over with a warning, and the CPU is always behind the others. Scores of an
accelerator are near those of the CPU, not equal to the bit: workers that share
streams should run on the same.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import onnxruntime as ort

from ingest.errors import InputError

logger = logging.getLogger(__name__)

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
"""ONNX Runtime's names by ours."""
DEVICES = {"CUDAExecutionProvider": "cuda", "TensorrtExecutionProvider": "cuda"}
"""Where memory lies of those that have their own, by ONNX Runtime's names."""

_in_use = [PROVIDERS["cpu"]]


def use(names: Sequence[str]) -> list[str]:
    """Choose what models that are loaded from now on run on.

    Parameters
    ----------
    names : sequence of str
        Keys of ``PROVIDERS``, the most wanted first.

    Returns
    -------
    list of str
        What is there of them, by ONNX Runtime's names, the CPU last.

    Raises
    ------
    InputError
        If a name is not known.
    """
    unknown = [name for name in names if name not in PROVIDERS]
    if unknown:
        raise InputError(
            f"providers {', '.join(unknown)} are not known; allowed: {', '.join(PROVIDERS)}"
        )
    there = set(ort.get_available_providers())
    absent = [name for name in names if PROVIDERS[name] not in there]
    if absent:
        logger.warning(
            "this ONNX Runtime has no %s: models run on what comes next", ", ".join(absent)
        )
    if any(PROVIDERS[name] in DEVICES for name in names) and there & DEVICES.keys():
        ort.preload_dlls()  # NVIDIA's libraries where they came as packages
    wanted = [PROVIDERS[name] for name in names if name != "cpu" and PROVIDERS[name] in there]
    _in_use[:] = [*dict.fromkeys(wanted), PROVIDERS["cpu"]]
    return in_use()


def in_use() -> list[str]:
    """Return the present choice, by ONNX Runtime's names.

    Examples
    --------
    >>> in_use()
    ['CPUExecutionProvider']
    """
    return list(_in_use)


def device() -> str | None:
    """Return the name of the device on which the first provider in use keeps memory of its own.

    Examples
    --------
    >>> device() is None
    True
    """
    return DEVICES.get(_in_use[0])
