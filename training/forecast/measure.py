"""Everything that ``docs/forecasting.md`` tells, measured and kept as JSON, part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.config import TrainConfig
from training.forecast.ablation import left_out_tables, runs
from training.forecast.adaptive import of_adaptive
from training.forecast.baselines import SIMPLE, LinearForecast
from training.forecast.detection import of_false_alarms, of_kind, of_real
from training.forecast.errors import MEASURES, by_patient, error_table, naive_table, skill
from training.forecast.fewshot import later_errors
from training.forecast.folds import ARMS, OUTER, PRIMARY, deal, forecaster, without
from training.forecast.planted import KINDS
from training.forecast.series import SensorSeries
from training.forecast.trial import judge, makers

TOLD_S = (10, 30, 60)
"""Seconds ahead that are told."""
TOLD = ("HR", "RESP", "SpO2", "PULSE")
"""Channels, in the order that they are told."""
POPULATION = next(arm for arm in ARMS if arm.normalisation == "population")

Found = dict[str, Any]


def patients_of(series: Sequence[SensorSeries]) -> list[str]:
    """Name the person of each series."""
    return [each.patient for each in series]


def leads_of(config: TrainConfig) -> list[int]:
    """Tell which steps ahead a run forecasts."""
    stride, steps = config.architecture.get("stride", 5), config.architecture.get("steps", 12)
    return [int(stride) * (k + 1) for k in range(int(steps))]


def of_errors(
    config: TrainConfig, series: Sequence[SensorSeries], models: Path, seeds: int
) -> Found:
    """Measure the skill of the forecaster and of simple forecasts, by channel and lead."""
    leads, people = leads_of(config), patients_of(series)
    naive = by_patient([naive_table(each, leads) for each in series], people)
    found: Found = {"naive": _plain(naive, leads, config), "skill": {}}
    tables = {name: [error_table(f(s, leads), s, leads) for s in series] for name, f in
              SIMPLE.items() if name != "naive"}  # fmt: skip
    tables["linear"] = _linear(series, leads)
    whole = [left_out_tables(config, series, models, PRIMARY, seed) for seed in range(seeds)]
    tables["forecaster"] = [np.mean([w[s.name] for w in whole], axis=0) for s in series]
    for name, rows in tables.items():
        ours = by_patient(rows, people)
        found["skill"][name] = {
            measure: _skills(ours, naive, MEASURES.index(measure), leads, config)
            for measure in ("absolute", "squared", "quantile")
        }
    ours = by_patient(tables["forecaster"], people)
    found["inside"] = _plain(ours, leads, config, MEASURES.index("inside"))
    found["curve"] = {
        channel: [
            skill(ours[:, k, c, 0], naive[:, k, c, 0]) for k in range(len(leads))
        ] for c, channel in enumerate(config.forecast.channels)
    }  # fmt: skip
    return found | {"leads": leads, "seeds": seeds}


def _linear(series: Sequence[SensorSeries], leads: Sequence[int]) -> list[Any]:
    by_name: dict[str, Any] = {}
    for fold in deal(series, OUTER):
        model = LinearForecast()
        model.fit(without(series, fold), leads)
        by_name |= {s.name: error_table(model(s, leads), s, leads) for s in fold}
    return [by_name[each.name] for each in series]


def _skills(
    ours: Any, naive: Any, measure: int, leads: Sequence[int], config: TrainConfig
) -> Found:
    return {
        channel: {
            str(s): skill(ours[:, leads.index(s), c, measure], naive[:, leads.index(s), c, measure])
            for s in TOLD_S
        }
        for c, channel in enumerate(config.forecast.channels)
    }


def _plain(table: Any, leads: Sequence[int], config: TrainConfig, measure: int = 0) -> Found:
    return {
        channel: {str(s): float(np.nanmean(table[:, leads.index(s), c, measure])) for s in TOLD_S}
        for c, channel in enumerate(config.forecast.channels)
    }


def of_ablation(
    config: TrainConfig, series: Sequence[SensorSeries], models: Path, seeds: int
) -> Found:
    """Hold the arms against teacher forcing alone, seed by seed, free-running."""
    people, leads = patients_of(series), leads_of(config)
    spread = _usual_error(series, leads, people)
    loss: dict[str, list[Any]] = {}
    for arm, seed in runs(seeds):
        tables = left_out_tables(config, series, models, arm, seed)
        table = by_patient([tables[each.name] for each in series], people)
        loss.setdefault(arm.name, []).append(table / spread)
    base = loss["teacher forcing"]
    found: Found = {}
    for name, by_seed in loss.items():
        paired = base[: len(by_seed)]
        row: Found = {"seeds": len(by_seed)}
        for measure in ("absolute", "quantile"):
            m = MEASURES.index(measure)
            ours = np.nanmean([np.nanmean(t[..., m], axis=(1, 2)) for t in by_seed], axis=0)
            theirs = np.nanmean([np.nanmean(t[..., m], axis=(1, 2)) for t in paired], axis=0)
            row[measure] = float(ours.mean())
            row[f"{measure}_gain"] = skill(ours, theirs)
            row[f"{measure}_by_seed"] = [float(np.nanmean(t[..., m])) for t in by_seed]
        row["inside"] = float(np.nanmean([np.nanmean(t[..., 3] * spread[..., 3]) for t in by_seed]))
        found[name] = row
    return found


def _usual_error(
    series: Sequence[SensorSeries], leads: Sequence[int], people: Sequence[str]
) -> Any:
    """Mean error of the naive forecast over all patients: what errors are counted in."""
    naive = by_patient([naive_table(each, leads) for each in series], people)
    usual = np.nanmean(naive, axis=0, keepdims=True)
    usual[..., MEASURES.index("inside")] = 1
    return usual


def of_detection(
    config: TrainConfig,
    series: Sequence[SensorSeries],
    models: Path,
    wanted: Sequence[str] = (),
) -> Found:
    """Measure all detectors, or those that are wanted."""
    found: Found = {}
    for make in makers(config, models):
        if wanted and make().name not in wanted:
            continue
        judged = list(judge(make, series))
        found[make().name] = {
            "planted": {kind: of_kind(judged, kind) for kind in KINDS},
            "real": of_real(judged, series),
            "false_alarms": of_false_alarms(judged),
        }
    return found


def of_few_shot(config: TrainConfig, series: Sequence[SensorSeries], models: Path) -> Found:
    """Measure what adapting to a new patient gains after three minutes, against no adapting."""
    people, leads = patients_of(series), leads_of(config)
    tables: dict[str, Any] = {}
    for arm in (POPULATION, PRIMARY):
        run = arm.config(config, config.fit.seed)
        for adapt in (False, True):
            rows: dict[str, Any] = {}
            for fold in deal(series, OUTER):
                model = forecaster(run, without(series, fold), models)
                later = later_errors(model, fold, adapt=adapt)
                rows |= {s.name: table for s, table in zip(fold, later, strict=True)}
            name = f"{arm.normalisation} normalisation" + (", last layer adapted" * adapt)
            tables[name] = by_patient([rows[each.name] for each in series], people)
    spread = _usual_error(series, leads, people)
    base = np.nanmean((tables["population normalisation"] / spread)[..., 2], axis=(1, 2))
    found = {}
    for name, table in tables.items():
        ours = np.nanmean((table / spread)[..., 2], axis=(1, 2))
        found[name] = {"quantile": float(ours.mean()), "gain": skill(ours, base)}
    return found


PARTS: dict[str, Callable[[TrainConfig, Sequence[SensorSeries], Path, int], Found]] = {
    "detection": lambda config, series, models, seeds: of_detection(config, series, models),
    "errors": of_errors,
    "few_shot": lambda config, series, models, seeds: of_few_shot(config, series, models),
    "adaptive": lambda config, series, models, seeds: of_adaptive(config, series, models),
    "ablation": of_ablation,
}
"""Parts, by the name under which they are kept."""
