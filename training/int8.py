"""``python -m training.int8 --page docs/edge.md``: the edge model in whole numbers of 8 bits.

Convolutions and the large products of what a beat looks like are computed in int8, weights by
channel, with scales found on patients whom the model was trained on. What is not learned (the
comparison with the patient's usual beat) and the recurrent layers stay in float32: the first needs
its digits, and of the second ONNX Runtime has only a form whose scales depend on the whole batch,
so on a patient's neighbours. Told is what it costs and what it saves, beside float32.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from inference import model
from inference.pipeline import Pipeline
from inference.session import StreamSession
from inference.ticks import BlockBeats
from ingest.errors import InputError
from ingest.wfdb_replay import open_recording
from training.assessment.cohort_scores import assess
from training.assessment.cohorts import cohorts_named
from training.assessment.scoring import ModelFiles, push_records
from training.assessment.tables import markdown, table
from training.speed import step_times_us
from training.splits import DS1

LEARNED = ("Conv", "Gemm")
"""Operations of the branches that look at a beat's shape, all of them learned."""
CALIBRATED_ON, PROBED_ON = DS1[::4], DS1[2::4]
"""Records of mitdb that scales are found on, and that differences are told of."""
MOST_BEATS = 600
"""Beats of each record that are taken."""

Feed = dict[str, NDArray[np.float32]]


def feeds(path: Path, data: Path, records: Sequence[str]) -> Iterator[Feed]:
    """Yield what a beat model is given, beat by beat, its states as they stand.

    Parameters
    ----------
    path : Path
        The model, of one lead.
    data : Path
        Folder of the databases.
    records : sequence of str
        Of mitdb.
    """
    for name in records:
        session = StreamSession(path, "beat", 1)
        for window, rr_s in _beats(path, data / "mitdb" / name)[:MOST_BEATS]:
            states = {part: session.state[part][:1].copy() for part in session.state_names}
            yield {"signal": window[None], "rr_s": rr_s[None, None], **states}
            session.step(np.array([0]), window[None], rr_s[None, None])


def _beats(path: Path, record: Path) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Find a record's beats: windows of shape (1, n_samples), and RR intervals, s."""
    pipeline, found = Pipeline(beat=path), list[tuple[Any, Any]]()
    find = pipeline.beats.find

    def noted(*asked: Any) -> BlockBeats:
        beats = find(*asked)
        rr_s = (beats.rr_ms / 1000).astype(np.float32)
        found.extend(zip(beats.windows, rr_s, strict=True))
        return beats

    setattr(pipeline.beats, "find", noted)  # noqa: B010 - a look at what goes by
    for _ in push_records(pipeline, {record.name: open_recording(record)}):
        pass
    return found


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Hands feeds to ONNX Runtime's quantization, one by one."""

    def __init__(self, given: Iterator[Feed]) -> None:
        self._given = given

    def get_next(self) -> Feed | None:
        return next(self._given, None)


def quantize(path: Path, data: Path, to: Path) -> None:
    """Write a beat model with its learned products in int8.

    Raises
    ------
    ingest.errors.InputError
        If there is nothing in it to quantize.
    """
    graph = onnx.load(str(path))
    names = [node.name for node in graph.graph.node if node.op_type in LEARNED]
    if not names:
        raise InputError(f"{path.name} has no {' and no '.join(LEARNED)} to be computed in int8")
    to.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_static(
            str(path),
            str(to),
            _Reader(feeds(path, data, CALIBRATED_ON)),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=names,
        )
    written = onnx.load(str(to))
    onnx.helper.set_model_props(written, {p.key: p.value for p in graph.metadata_props})
    onnx.save(written, str(to))


def differences(one: Path, other: Path, data: Path) -> tuple[float, float, float]:
    """Compare two beat models on beats that scales were not found on, each with its own states.

    Returns
    -------
    mean, worst : float
        Difference of a probability.
    moved : float
        Share of beats whose most likely class is another, %.
    """
    far: list[float] = []
    n_moved = 0
    for name in PROBED_ON:
        beats = _beats(one, data / "mitdb" / name)[:MOST_BEATS]
        sessions = [StreamSession(path, "beat", 1) for path in (one, other)]
        for window, rr_s in beats:
            asked = np.array([0]), window[None], rr_s[None, None]
            ours, theirs = (session.step(*asked)[0] for session in sessions)
            far.append(float(np.abs(ours - theirs).max()))
            n_moved += int(ours.argmax() != theirs.argmax())
    return float(np.mean(far)), max(far), 100 * n_moved / len(far)


def page(path: Path, whole: Path, data: Path) -> str:
    """Measure both, and write the page."""
    models = {"float32": path, "int8": whole}
    mean, worst, moved = differences(path, whole, data)
    rows = []
    for batch in (1, 128):
        own, other = step_times_us(list(models.values()), batch)
        rows.append(
            [f"step of {batch} beats, us", f"{own:.0f}", f"{other:.0f}", f"{other / own:.2f}"]
        )
    sizes = [one.stat().st_size for one in models.values()]
    rows.append(["file, bytes", *(f"{size:,}" for size in sizes), f"{sizes[1] / sizes[0]:.2f}"])
    cohorts = cohorts_named(("ds1", "svdb"), look=False)
    scored = []
    for name, one in models.items():
        found, _ = assess(data, cohorts, ModelFiles(None, one))
        scored.append(f"{name}:\n\n{table(found, ('veb', 'sveb'))}")
    head = f"""# The edge model in int8

Made by `python -m training.int8 --page docs/edge.md`, never by hand, of `{path.name}` with ONNX
Runtime {ort.__version__}. In int8 are the convolutions and fully connected layers that look at the
beat; scales are of {len(CALIBRATED_ON)} records of DS1, differences of {len(PROBED_ON)} others. DS2
was not looked at. Times are medians of both models stepped in turn: compare the ratio.
"""
    drift = f"""
A probability differs by {mean:.4f} in the mean and {worst:.3f} at most; the most likely class is
another for {moved:.2f} % of beats. {_verdict(float(rows[0][3]), float(rows[2][3]))}

By EC57, detected R-peaks, one lead, first five minutes left out:
"""
    figures = markdown(["", "float32", "int8", "ratio"], rows)
    return "\n".join([head, figures, drift, "\n\n".join(scored), ""])


def _verdict(time_ratio: float, size_ratio: float) -> str:
    if time_ratio < 1 and size_ratio < 1:
        return "It is smaller and quicker."
    return (
        "It does not pay on a processor with wide float32 units: what is quantized is a small part "
        "of a small model, and changing between the two kinds of number costs more than it saves. "
        "It is not shipped."
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="beat-edge", help="a shipped beat model, or a file")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the databases")
    parser.add_argument("--out", type=Path, default=Path("runs/int8"), help="folder for the model")
    parser.add_argument("--page", type=Path, help="where to write what was measured")
    asked = parser.parse_args(argv)
    path = model.find(asked.model)
    whole = asked.out / f"{path.stem}-int8.onnx"
    quantize(path, asked.data, whole)
    told = page(path, whole, asked.data)
    if asked.page is not None:
        asked.page.write_text(told, "utf-8")
    print(told)


if __name__ == "__main__":
    main()
