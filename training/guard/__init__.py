"""The leakage guard: what makes figures too good is refused, with the reason; see docs/leakage.md.

Value objects that cannot be made wrong (:class:`Split`, :class:`Look`), and the checks they use.
"""

from training.guard.held_out import Look, held_out
from training.guard.order import require_not_grouped, require_time_order
from training.guard.split import Split

__all__ = ["Look", "Split", "held_out", "require_not_grouped", "require_time_order"]
