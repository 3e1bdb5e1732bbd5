"""The edge model in int8: near the model it is of, the same for any batch, measured beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from inference import model
from inference.session import StreamSession
from ingest.errors import InputError
from training import int8

pytestmark = [pytest.mark.train, pytest.mark.data]


@pytest.fixture(scope="module")
def whole(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    patch = pytest.MonkeyPatch()
    patch.setattr(int8, "CALIBRATED_ON", int8.CALIBRATED_ON[:2])
    patch.setattr(int8, "MOST_BEATS", 60)
    to = tmp_path_factory.mktemp("int8") / "edge.onnx"
    int8.quantize(model.find("beat-edge"), data_dir, to)
    patch.undo()
    return to


def test_it_says_nearly_what_float32_says(
    whole: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "PROBED_ON", int8.PROBED_ON[:1])
    monkeypatch.setattr(int8, "MOST_BEATS", 60)
    mean, worst, moved = int8.differences(model.find("beat-edge"), whole, data_dir)
    assert 0 < mean < 0.02
    assert worst < 0.5
    assert moved < 5


def test_it_does_not_see_its_neighbours(whole: Path) -> None:
    session = StreamSession(whole, "beat", 9)
    rng = np.random.default_rng(3)
    windows = rng.normal(size=(9, 1, session.info.length)).astype(np.float32)
    rr_s = np.full((9, 1), 0.7, np.float32)
    together = session.step(np.arange(9), windows, rr_s)
    session.reset(np.arange(9))
    for row in range(9):
        one = slice(row, row + 1)
        alone = session.step(np.array([row]), windows[one], rr_s[one])
        np.testing.assert_array_equal(alone, together[one])


def test_what_has_nothing_to_quantize_is_refused(data_dir: Path, tmp_path: Path) -> None:
    bare = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[n] x) => (float[n] y) { y = Abs(x) }'
    )
    onnx.save(bare, str(tmp_path / "bare.onnx"))
    with pytest.raises(InputError, match=r"bare.onnx has no Conv and no Gemm"):
        int8.quantize(tmp_path / "bare.onnx", data_dir, tmp_path / "none.onnx")
