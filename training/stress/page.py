"""The noise stress test as a page of Markdown and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.assessment.tables import markdown
from training.noise_bank import MOST_REGULAR, SEGMENT_S, NoiseSegment
from training.stress.peers import PEERS
from training.stress.table import DETECTORS, OURS, beaten

COLOURS = {"vigil": "#0b6e4f", "gqrs": "#c05010", "xqrs": "#4060b0"}

METHOD = """\
Records: {records}. Real noise is added as the MIT-BIH noise stress test does (`nst` of the WFDB
software): none in the first five minutes, then two minutes on, two off. Signal power is the
square of the trimmed mean QRS peak-to-peak amplitude over 8, noise power that of its RMS over
seconds. Every detector gets the very same samples of the lead that Vigil scores. EC57, 150 ms
window, the whole record but its first five minutes, gross, in percent."""
NOISE = """\
{noise}, {length:g} s each. They are what vfdb marks as `(NOISE` in its rhythm annotations, and
records of class `~` of the PhysioNet/CinC Challenge 2017; only records with an even number, and
nothing was trained on them. Such records still hold heartbeats under the noise. A stretch is
taken only where the envelope of the QRS band does not repeat itself at the pace of a heart
(autocorrelation at most {most:g} at 38 to 170 a minute), and where no single knock outweighs
the rest. No QRS detector has a say in it. Weak or irregular QRS complexes are left in; at 0 dB
some of what is counted as a false detection may be one. That holds for each detector alike.
Stretches are brought to one RMS, and strung together in an order that the record's name seeds;
the same noise serves all levels. `nstdb`'s own noise records were not at hand, so these figures
do not compare with figures from `nstdb`."""


def describe_noise(segments: Sequence[NoiseSegment]) -> dict[str, Any]:
    """Say how much noise of how many people it is, by database."""
    found: dict[str, Any] = {}
    for database in sorted({segment.patient.split("/")[0] for segment in segments}):
        own = [s for s in segments if s.patient.startswith(f"{database}/")]
        found[database] = {"patients": len({s.patient for s in own}), "stretches": len(own)}
    return found


def write_page(result: dict[str, Any], folder: Path) -> Path:
    """Write ``noise.md`` and ``noise.png``.

    Parameters
    ----------
    result : dict
        ``records`` (who, in words), ``rows`` from :func:`training.stress.table.add_up`,
        ``noise`` from :func:`describe_noise`, ``models``, ``made``, ``command``.
    folder : Path
        Where to write.

    Returns
    -------
    Path
        The page.
    """
    rows = result["rows"]
    draw(rows, result["records"], folder / "noise.png")
    noise = ", ".join(
        f"{found['stretches']} stretches of {found['patients']} records of {database}"
        for database, found in result["noise"].items()
    )
    digests = " and ".join(
        f"`{name}` {fact['digest'][:12]}" for name, fact in result["models"].items()
    )
    blocks = [
        "# Noise stress test",
        f"Made by `{result['command']}`, {result['made']}, models {digests}.",
        METHOD.format(records=result["records"]),
        "## QRS detection",
        _qrs_table(rows, "qrs"),
        _verdict(rows),
        "Where the noise is on, alone:",
        _qrs_table(rows, "qrs_noisy"),
        "![QRS detection against the level of noise](noise.png)",
        "## Ectopic beats, detected R-peaks",
        "gqrs and xqrs tell no classes. Paced records are left out; mapping of de Chazal 2004.",
        _classes_table(rows),
        "## The noise",
        NOISE.format(noise=noise, length=SEGMENT_S, most=MOST_REGULAR),
    ]
    page = folder / "noise.md"
    page.write_text("\n\n".join(blocks) + "\n", "utf-8")
    return page


def draw(rows: Sequence[dict[str, Any]], records: str, picture: Path) -> None:
    """Draw Se and +P of every detector over the signal-to-noise ratio, noisy parts alone.

    Parameters
    ----------
    rows : sequence of dict
        From :func:`training.stress.table.add_up`.
    records : str
        Who, in words.
    picture : Path
        The PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    noisy = [row for row in rows if row["snr_db"] is not None]
    figure = Figure(figsize=(9, 3.8))
    FigureCanvasAgg(figure)
    for place, (rate, name) in enumerate((("se", "sensitivity"), ("ppv", "positive predictivity"))):
        axes = figure.add_subplot(1, 2, place + 1)
        for detector in DETECTORS:
            points = [(row["snr_db"], row["qrs_noisy"][detector][rate]) for row in noisy]
            axes.plot(
                *zip(*points, strict=True),
                marker="o",
                markersize=4,
                color=COLOURS[detector],
                linewidth=2.2 if detector == OURS else 1.3,
                label=detector,
            )
        axes.set_xlim(max(row["snr_db"] for row in noisy) + 1, -1)
        axes.set_xticks([row["snr_db"] for row in noisy])
        axes.set_xlabel("signal-to-noise ratio, dB")
        axes.set_title(f"QRS {name}, %", fontsize=11)
        axes.grid(visible=True, alpha=0.3)
    figure.axes[0].legend(frameon=False)
    figure.suptitle(f"Where the noise is on; {records}", fontsize=10)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)


def _qrs_table(rows: Sequence[dict[str, Any]], key: str) -> str:
    head = ["SNR", *(f"{name} Se / +P (F1)" for name in DETECTORS)]
    body = [[_db(row), *(_rates(row[key][name]) for name in DETECTORS)] for row in rows
            if key == "qrs" or row["snr_db"] is not None]  # fmt: skip
    return markdown(head, body)


def _classes_table(rows: Sequence[dict[str, Any]]) -> str:
    body = [[_db(row), _rates(row["veb"]), _rates(row["sveb"])] for row in rows]
    return markdown(["SNR", "VEB Se / +P (F1)", "SVEB Se / +P (F1)"], body)


def _verdict(rows: Sequence[dict[str, Any]]) -> str:
    """Say in words who is better where, by the F1 of the whole test period."""
    found = beaten(rows)
    said = [
        f"better than {name} at every level"
        if not found[name]
        else f"not better than {name} at {', '.join(f'{db:g}' for db in found[name])} dB"
        for name in PEERS
    ]
    return f"By F1, Vigil is {', and '.join(said)}."


def _db(row: dict[str, Any]) -> str:
    return "clean" if row["snr_db"] is None else f"{row['snr_db']:g} dB"


def _rates(rate: dict[str, float | None]) -> str:
    se, ppv, f1 = ("–" if rate[k] is None else f"{rate[k]:.2f}" for k in ("se", "ppv", "f1"))
    return f"{se} / {ppv} ({f1})"
