"""The leakage guard: what makes figures too good is refused, with the reason; see docs/leakage.md.

Value objects that cannot be made wrong, and the checks they use: :class:`Split` before training,
:class:`Fitted` for what was fitted, :class:`Claim` and :class:`Headline` for what is published,
:func:`require_causal` and :func:`require_look_ahead` for the code that scores.
"""

from training.guard.causal import (
    MAX_LOOK_AHEAD_S,
    measure_look_ahead,
    require_causal,
    require_look_ahead,
)
from training.guard.claim import Claim, Headline, ds2_records
from training.guard.claim_file import ClaimFile, log_look, read_claim
from training.guard.fitted import Fitted
from training.guard.held_out import Look, held_out
from training.guard.order import require_not_grouped, require_time_order
from training.guard.split import Split

__all__ = [
    "MAX_LOOK_AHEAD_S",
    "Claim",
    "ClaimFile",
    "Fitted",
    "Headline",
    "Look",
    "Split",
    "ds2_records",
    "held_out",
    "log_look",
    "measure_look_ahead",
    "read_claim",
    "require_causal",
    "require_look_ahead",
    "require_not_grouped",
    "require_time_order",
]
