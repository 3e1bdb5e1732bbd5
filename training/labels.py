"""Class codes of annotations, by the one mapping that training learns: de Chazal's.

Escape beats (e, j, n) are N there, as most papers on DS1 and DS2 count them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.ticks import AAMI
from training.ec57.aami import DE_CHAZAL


def aami_codes(symbols: Sequence[str]) -> NDArray[np.int8]:
    """Give each annotation its AAMI class code, -1 where it is not a beat.

    Examples
    --------
    >>> aami_codes(["N", "A", "V", "+", "j"]).tolist()
    [0, 1, 2, -1, 0]
    """
    codes = {symbol: AAMI.index(name) for symbol, name in DE_CHAZAL.classes.items()}
    return np.array([codes.get(symbol, -1) for symbol in symbols], np.int8)
