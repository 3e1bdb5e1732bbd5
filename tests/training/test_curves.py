"""Learning curves: drawn from what was logged, over all starts of a run."""

from pathlib import Path

import pytest

from training.curves import draw_curves, gather_metrics

PNG = b"\x89PNG"


@pytest.mark.parametrize(
    "text",
    [
        "epoch,loss,step\n0,1.5,1\n1,0.5,2\n",
        "epoch,loss_epoch,loss_step,step,val_f1\n0,,2.0,0,\n0,1.5,,1,\n0,,,1,0.5\n1,0.7,,3,\n",
        "epoch,step\n0,1\n",
    ],
)
def test_a_picture_is_drawn_of_whatever_was_logged(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    draw_curves(tmp_path / "metrics.csv", tmp_path / "curves.png", "mine 1.0.0")
    assert (tmp_path / "curves.png").read_bytes().startswith(PNG)


def test_metrics_of_all_starts_follow_each_other(tmp_path: Path) -> None:
    for start, text in enumerate(("epoch,loss\n0,2.0\n", None, "epoch,loss,val\n1,1.0,0.5\n")):
        part = tmp_path / "log" / f"version_{start}"
        part.mkdir(parents=True)
        if text:
            (part / "metrics.csv").write_text(text)

    gather_metrics(tmp_path / "log", tmp_path / "metrics.csv")

    told = (tmp_path / "metrics.csv").read_text().split()
    assert told == ["epoch,loss,val", "0,2.0,", "1,1.0,0.5"]
