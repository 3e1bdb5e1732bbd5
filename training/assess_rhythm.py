"""Score the models that tell rhythms, write the figures into their cards, log the look at DS2.

``python -m training.assess_rhythm --why REASON`` puts what leaving patients out
gave (``training.shockable`` and ``training.atrial``, kept in ``training/results``)
beside what the shipped models say of DS2 in the very pipeline that serves:
episodes of atrial fibrillation by EC57, and how often ventricular fibrillation
is called where there is none.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inference import model
from inference.conditions import Code
from inference.pipeline import Pipeline
from inference.rhythm import AUX, rhythm_changes
from ingest.errors import InputError
from ingest.recording import Recording
from ingest.wfdb_replay import open_recording
from training.assessment.card import replace_figures
from training.assessment.kept import keep, kept, log_look, model_facts
from training.assessment.scoring import push_records
from training.assessment.tables import markdown
from training.ec57 import Annotations, compare_episodes, make_annotations, read_annotations
from training.ec57.episodes import NO_EPISODES, EpisodeComparison
from training.guard import Look
from training.splits import DS2


@dataclass(frozen=True, slots=True)
class Told:
    """What the pipeline told of one record's rhythm."""

    annotations: Annotations
    """Changes of rhythm, as ``vigil score`` writes them."""
    n_fibrillation: int
    """Episodes of ventricular fibrillation that were called."""
    duration_s: float
    """Length of the record, s."""


def rhythms_told(recordings: Mapping[str, Recording]) -> dict[str, Told]:
    """Run whole records through the shipped pipeline side by side.

    Raises
    ------
    ingest.errors.InputError
        If a record holds what cannot be scored.
    """
    episodes: dict[str, list[tuple[Code, int, int]]] = {name: [] for name in recordings}
    open_ms: dict[tuple[str, Code], int] = {}
    for results in push_records(Pipeline(), recordings):
        for edge in results.edges:
            key = (edge.stream.stream_id, edge.code)
            if edge.onset:
                open_ms[key] = edge.at_ms
            else:
                episodes[key[0]].append((edge.code, open_ms.pop(key), edge.at_ms))
    return {name: _told(episodes[name], one) for name, one in recordings.items()}


def _told(episodes: Sequence[tuple[Code, int, int]], recording: Recording) -> Told:
    changes = rhythm_changes(episodes, 0)
    fs = recording.fs
    samples = [round(at_ms * fs / 1000) for at_ms, _ in changes]
    aux = [AUX[rhythm] for _, rhythm in changes]
    notes = make_annotations(samples, ["+"] * len(samples), fs, aux_note=aux)
    called = sum(code == Code.VENTRICULAR_FIBRILLATION for code, _, _ in episodes)
    return Told(notes, called, recording.n_samples / fs)


def compare(folder: Path, records: Sequence[str]) -> dict[str, tuple[Told, EpisodeComparison]]:
    """Score records and compare their atrial fibrillation with the reference by EC57."""
    recordings = {record: open_recording(folder / record) for record in records}
    told = rhythms_told(recordings)
    found = {}
    for record, one in told.items():
        fs, end = recordings[record].fs, recordings[record].n_samples - 1
        reference = read_annotations(folder, record, "atr", fs)
        compared = compare_episodes(reference, one.annotations, "af", end_sample=end)
        found[record] = (one, compared)
    return found


def figures(found: Mapping[str, tuple[Told, EpisodeComparison]]) -> dict[str, Any]:
    """Add up records, for the JSON and the cards."""
    compared = sum((c for _, c in found.values()), NO_EPISODES)
    hours = sum(told.duration_s for told, _ in found.values()) / 3600
    tally = compared.episodes
    return {
        "records": len(found),
        "hours": hours,
        "af_episode_se": tally.se,
        "af_episode_ppv": tally.ppv,
        "af_duration_se": compared.duration_se,
        "af_duration_ppv": compared.duration_ppv,
        "af_minutes": compared.ref_s / 60,
        "vf_called": sum(told.n_fibrillation for told, _ in found.values()),
        "vf_records": sorted(name for name, (told, _) in found.items() if told.n_fibrillation),
    }


def write_cards(ds2: Mapping[str, dict[str, Any]]) -> None:
    """Write the figures of both models into their cards.

    Raises
    ------
    ingest.errors.InputError
        If what leaving patients out gave is not there.
    """
    for name, block in (("rhythm", _rhythm_block), ("atrial", _atrial_block)):
        left_out = kept(name)
        if left_out is None:
            raise InputError(f"no training/results/{name}.json: leave patients out first")
        _, info = model.load(model.builtin(name))
        head = (
            f"Model `{info.name}` {info.version}, SHA-256 `{info.digest[:16]}…`, training data "
            f"`{info.data_digest[:16]}…`."
        )
        card = model.builtin(name).with_suffix(".md")
        replace_figures(card, "\n\n".join([head, *block(left_out, ds2)]))


def _rhythm_block(left: Mapping[str, Any], ds2: Mapping[str, dict[str, Any]]) -> list[str]:
    rows = [[one["record"], *one["cells"]] for one in left["rows"]]
    late = "; ".join(left["late"]) or "none"
    served = ds2["mitdb DS2"]
    return [
        (
            f"vfdb, {left['patients']} patients, each left out once; stretches of 4 s; mean "
            f"probability of VT and VF from {left['threshold']:g} on. "
            "Intervals: bootstrap over patients."
        ),
        markdown(("record", "lead 0 Se", "Sp", "lead 1 Se", "Sp"), rows),
        (
            f"Episodes of 10 s or more, both leads: {left['n_episodes']}, of these "
            f"{left['n_in_time']} called within 10 s of their onset. Late or missed: {late}."
        ),
        (
            f"mitdb DS2 in the pipeline (no VF in it): called {served['vf_called']} times in "
            f"{served['hours']:.1f} h, in {', '.join(served['vf_records']) or 'no record'}."
        ),
    ]


def _atrial_block(left: Mapping[str, Any], ds2: Mapping[str, dict[str, Any]]) -> list[str]:
    def percent(value: float | None) -> str:
        return "–" if value is None else f"{value:.1f}"

    rows = [
        [
            name,
            f"{one['af_minutes']:.0f}",
            f"{percent(one['af_episode_se'])} / {percent(one['af_episode_ppv'])}",
            f"{percent(one['af_duration_se'])} / {percent(one['af_duration_ppv'])}",
        ]
        for name, one in ds2.items()
    ]
    head = ("records", "minutes of AF", "episodes Se / +P", "duration Se / +P")
    return [
        (
            f"Patients left out, {left['folds']} folds, at reference R-peaks (mitdb) or those "
            f"found (Challenge 2017), threshold {left['threshold']:g}: {left['time']}; "
            f"{left['strips']}."
        ),
        (
            "In the pipeline, by EC57 (first 5 minutes left out), never learned from but for the "
            "person of 202, who is 201's of DS1:"
        ),
        markdown(head, rows),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Assess the rhythm models from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--why", required=True, help="why DS2 is looked at; it is logged")
    options = parser.parse_args(argv)
    why = Look(options.why).why
    found = compare(options.data / "mitdb", DS2)
    parts = {
        "mitdb DS2": found,
        "mitdb DS2 without 202": {name: one for name, one in found.items() if name != "202"},
    }
    ds2 = {name: figures(part) for name, part in parts.items()}
    facts = [model_facts(model.builtin(name)) for name in ("rhythm", "atrial")]
    keep("rhythms_ds2", {"models": facts, "cohorts": ds2})
    digests = " ".join(one["digest"][:12] for one in facts)
    log_look(digests, ("–", "–", "–"), f"{why} (AF and VF, not beats)")
    write_cards(ds2)
    for name, one in ds2.items():
        print(name, {key: np.round(v, 2) if isinstance(v, float) else v for key, v in one.items()})


if __name__ == "__main__":
    main()
