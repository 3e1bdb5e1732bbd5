"""A split that cannot be made wrong: patients on one side, nobody of DS2, beats as they came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.errors import InputError
from training.datasets import LabelledSignal
from training.guard.held_out import Look, held_out
from training.guard.order import require_not_grouped, require_time_order
from training.splits import require_disjoint


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Signals that a model learns from and those that judge it while it is made.

    Raises
    ------
    ingest.errors.InputError
        If a patient stands on both sides, a record is of DS2 without leave to look, or beats are
        not in time order.
    """

    training: Sequence[LabelledSignal]
    """Signals learned from."""
    validation: Sequence[LabelledSignal] = ()
    """Signals that early stopping, thresholds or a choice of models looks at."""

    look: Look | None = None
    """Leave to learn from DS2 too: for leaving patients out of all of mitdb, where each model is
    asked about those it never saw; such models serve nothing else."""

    def __post_init__(self) -> None:
        sides = {"training": self.training, "validation": self.validation}
        records = {side: {(s.patient, s.name) for s in part} for side, part in sides.items()}
        if shared := records["training"] & records["validation"]:
            names = ", ".join(sorted(name for _, name in shared))
            raise InputError(
                f"beats of record {names} are on both sides: a split at random over beats tells "
                "a model its test patients; split by patient"
            )
        require_disjoint({side: [s.patient for s in part] for side, part in sides.items()})
        for side, part in sides.items():
            for signal in part:
                barred = held_out(signal.patient, signal.name, signal.r_ms)
                if barred and self.look is None:
                    raise InputError(
                        f"record {signal.name} ({signal.patient}) is of DS2, which is held out: "
                        f"it serves neither training nor validation, here {side}"
                    )
                require_time_order(signal.name, signal.r_ms)
            require_not_grouped((s.name, s.aami) for s in part if s.first)

    @property
    def training_patients(self) -> list[str]:
        """Patients learned from, in order."""
        return sorted({signal.patient for signal in self.training})

    @property
    def validation_patients(self) -> list[str]:
        """Patients kept aside, in order."""
        return sorted({signal.patient for signal in self.validation})
