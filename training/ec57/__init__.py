"""Scoring of beats, runs and episodes by ANSI/AAMI EC57, as the official WFDB tools count.

Written from the published descriptions (WFDB Applications Guide: bxb, rxr,
epicmp, sumstats, "Evaluating ECG Analyzers") and fitted to what the official
tools print; no code of theirs is used.
"""

from training.ec57.aami import DE_CHAZAL, EC57, MAPPINGS, AamiMapping, mapping_named
from training.ec57.annotation import Annotations, make_annotations, read_annotations
from training.ec57.beats import BeatComparison, BeatPair, compare_beats
from training.ec57.bootstrap import Interval, bootstrap_gross
from training.ec57.compare import (
    GROUPS,
    Evaluation,
    compare_record,
    compare_records,
    record_names,
)
from training.ec57.counted import Denominators, Peaks, denominators, patients, peaks
from training.ec57.episodes import EpisodeComparison, compare_episodes
from training.ec57.matching import match_beats
from training.ec57.protocol import STANDARD, Protocol
from training.ec57.runs import RunComparison, compare_runs
from training.ec57.summary import (
    MeanRates,
    Rates,
    RecordComparison,
    Timing,
    average,
    gross,
    gross_confusion,
    gross_episodes,
    gross_runs,
    rates,
    timing,
)
from training.ec57.tally import Tally

__all__ = [
    "DE_CHAZAL",
    "EC57",
    "GROUPS",
    "MAPPINGS",
    "STANDARD",
    "AamiMapping",
    "Annotations",
    "BeatComparison",
    "BeatPair",
    "Denominators",
    "EpisodeComparison",
    "Evaluation",
    "Interval",
    "MeanRates",
    "Peaks",
    "Protocol",
    "Rates",
    "RecordComparison",
    "RunComparison",
    "Tally",
    "Timing",
    "average",
    "bootstrap_gross",
    "compare_beats",
    "compare_episodes",
    "compare_record",
    "compare_records",
    "compare_runs",
    "denominators",
    "gross",
    "gross_confusion",
    "gross_episodes",
    "gross_runs",
    "make_annotations",
    "mapping_named",
    "match_beats",
    "patients",
    "peaks",
    "rates",
    "read_annotations",
    "record_names",
    "timing",
]
