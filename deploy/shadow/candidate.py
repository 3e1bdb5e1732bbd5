"""The candidate that a worker's settings name."""

from __future__ import annotations

from pathlib import Path

from deploy.services.models import choose_models, models_in
from deploy.settings import MonitorSettings
from inference.pipeline import Pipeline
from ingest.errors import InputError


def make_candidate(
    settings: MonitorSettings, champion: Pipeline, lead: str | None
) -> Pipeline | None:
    """Make the pipeline of ``[shadow] models``, with limits and strips as the champion has them.

    Kinds of models that are not among them are the shipped ones. Models are believed as those in
    use are.

    Returns
    -------
    Pipeline or None
        None where no candidate is named.

    Raises
    ------
    InputError
        If a folder has no models, or they do not fit or are not trusted.
    """
    names = [name for path in settings.shadow.models for name in models_of(path)]
    if not names:
        return None
    made = choose_models(names).pipeline(champion.limits, lead, explain=settings.models.explain)
    if champion.strips is not None or settings.models.strips:
        made.keep_strips()
    return made


def models_of(path: Path) -> list[str]:
    """Return the models of a folder, or the one that is named.

    Raises
    ------
    InputError
        If a folder has none.
    """
    if not path.is_dir():
        return [str(path)]
    found = models_in(path)
    if not found:
        raise InputError(f"{path} has no models (*.onnx)")
    return found
