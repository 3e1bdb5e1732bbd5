"""What a watch for drift is told beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.drift.figures import FIGURES
from deploy.settings_file import read_toml
from ingest.errors import InputError


class DriftDeclaration(BaseModel):
    """Everything about a watch that is fixed before it begins.

    Examples
    --------
    >>> one = DriftDeclaration()
    >>> round(one.limit("all")), round(one.limit("device"))
    (680, 6800)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = "drift"
    """What is watched, in words."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Chance of any false alert, of any figure or group, for as long as the watch goes on; half of
    it is kept for all patients together, half for the groups."""
    window_min: Annotated[float, Field(gt=0, le=24 * 60)] = 60.0
    """From a patient's first frame until the figures are taken, minutes of the stream's time."""
    least_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the window that a patient must have been heard for, to be counted."""
    reference: Annotated[int, Field(ge=20)] = 100
    """First patients of all, which the later ones are compared with."""
    group_reference: Annotated[int, Field(ge=20)] = 60
    """The same of a site, device or lead."""
    most_groups: Annotated[int, Field(ge=1, le=1000)] = 10
    """Most groups that are tested: those that come first. Each costs all others some patients."""
    verdict_wait_h: Annotated[float, Field(ge=0, le=24 * 30)] = 24.0
    """Hours behind the window within which what clinicians say of its alarms is waited for."""

    def limit(self, by: str) -> float:
        """Evidence at which a figure alerts: of all patients, or of a group."""
        tests = len(FIGURES) * (1 if by == "all" else self.most_groups)
        return 2 * tests / self.alpha


def load_declaration(path: Path | None) -> DriftDeclaration:
    """Read a declaration, TOML; the default one where there is no file.

    Raises
    ------
    InputError
        If it cannot be read, or a key does not exist or is not allowed.
    """
    if path is None:
        return DriftDeclaration()
    try:
        return DriftDeclaration(**read_toml(path))
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
        raise InputError(f"{path}: {told}") from error
