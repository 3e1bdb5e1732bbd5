"""What models run on: what is absent is passed over aloud, what is unknown is refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import onnxruntime as ort
import pytest

from inference import providers
from inference.model import builtin, load
from ingest.errors import InputError


@pytest.fixture(autouse=True)
def afterwards_the_cpu() -> Iterator[None]:
    yield
    providers.use(["cpu"])


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    there = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(ort, "get_available_providers", lambda: there)


def test_what_is_absent_is_passed_over_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert providers.use(["tensorrt", "cpu"]) == ["CPUExecutionProvider"]
    assert "no tensorrt" in caplog.text
    session, _ = load(builtin("qrs"))
    assert session.get_providers() == ["CPUExecutionProvider"]


@pytest.mark.usefixtures("gpu")
def test_what_is_there_stands_in_the_order_wanted_and_the_cpu_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        found = providers.use(["cpu", "tensorrt", "cuda", "cuda"])
    assert found == [
        "TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider",
    ]  # fmt: skip
    assert not caplog.text
    assert providers.device() == "cuda"


@pytest.mark.usefixtures("gpu")
def test_models_are_loaded_for_what_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    real = ort.InferenceSession

    def noted(content: bytes, options: ort.SessionOptions, providers: list[str]) -> object:
        asked.append(providers)
        return real(content, options, providers=["CPUExecutionProvider"])

    providers.use(["cuda"])
    monkeypatch.setattr(ort, "InferenceSession", noted)
    load(builtin("qrs"))
    assert asked == [["CUDAExecutionProvider", "CPUExecutionProvider"]]


def test_what_is_unknown_is_refused() -> None:
    with pytest.raises(InputError, match=r"providers npu are not known; allowed: cpu, cuda"):
        providers.use(["npu", "cpu"])
    assert providers.in_use() == ["CPUExecutionProvider"]
