"""The page of the quality index, made of what was measured."""

from __future__ import annotations

from pathlib import Path

from ingest.errors import InputError
from training.assessment.kept import kept
from training.assessment.tables import markdown

PAGE = Path("docs/signal-quality.md")
"""Where it stands."""


def write_page(path: Path = PAGE) -> None:
    """Write it from what :mod:`training.signal_quality` kept.

    Raises
    ------
    InputError
        If nothing was measured yet.
    """
    found = kept("signal_quality")
    if found is None:
        raise InputError("nothing is measured: run python -m training.signal_quality")
    path.write_text(_page(found), "utf-8")


def _page(found: dict) -> str:  # type: ignore[type-arg]
    areas = [
        [
            name,
            f"{of['cinc2017']:.3f}",
            f"{of['mitdb']:.3f} ({of['mitdb_patients']})",
            f"{of['vfdb']:.3f} ({of['vfdb_patients']})",
            f"{of['vfdb_noise_against_lethal']:.3f}",
        ]
        for name, of in found["areas"].items()
    ]
    after, before = found["taken_for_noise"], found["taken_for_noise_before"]
    shares = [[kind, f"{100 * after[kind]:.2f}", f"{100 * before[kind]:.2f}"] for kind in after]
    head = ["index", "cinc2017, strips", "mitdb DS1 (patients)", "vfdb (patients)", "noise, lethal"]
    weights = ", ".join(f"{name} {weight:+.3g}" for name, weight in found["weights"].items())
    return f"""# The signal quality index

Made by `python -m training.signal_quality`, {found["made"]}. {found["patients"]} patients,
{found["hours"]:.0f} h of leads. DS2 is not in it.

For each lead and tick of 200 ms the index says how much the last two seconds look like an ECG that
beats can be read from, 0 to 1. It is made of four features of the waveform ({weights}: what adds is
noise), see `inference/quality_index.py`. At 0.5 marked noise and its absence are as likely, each
counted as often. Where nothing is heard (samples missing, flat, at the converter's limit) it is 0.

## How well it tells noise
Area under the ROC curve, weights fitted without the patient. cinc2017: whole strips, noisy
(`~`) or not, by their mean. mitdb and vfdb: ticks in each patient who has 5 s of both, averaged
over patients. Last column: noise against VT, VF and asystole, over the
ticks of vfdb.

{markdown(head, areas)}

kSQI and pSQI (Li, Mark and Clifford 2008) look back on 5 s, bSQI (xqrs against gqrs) on 10 s;
they are fitted to nothing.

## What is taken for noise
Beats are not believed where the index is below {found["noisy_below"]:.2f} and the signal moves by
30 % of its amplitude or more within 2 s, or where it is rough throughout (6 % of the amplitude; the
only rule until then, *before*). So silence stays readable. The limit is the largest at which at
most 1 % of what nobody marked in mitdb, and at most 5 % of lethal rhythms, fall below it. Share of
ticks, percent, weights fitted without the patient:

{markdown(["ticks", "noise", "before"], shares)}

Marks of cinc2017 are of whole strips, which hold good stretches too; what vfdb does not mark
holds much that is noise.
"""
