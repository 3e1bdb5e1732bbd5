"""What every table of a settings file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the file: its keys and no others, fixed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
