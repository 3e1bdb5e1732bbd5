"""What annotation symbols mean: the AAMI mapping, named and used everywhere.

Source: ANSI/AAMI EC57:2012 table 3 as PhysioNet's beat codes realise it
(``N L R e j`` are N; ``A a J S`` are S; ``V E`` are V; ``F`` is F; ``/ f Q`` are Q).
Atrial and nodal *escape* beats (e, j) count as N, as de Chazal 2004 counts them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.ticks import AAMI

AAMI_OF_SYMBOL = {
    **dict.fromkeys("NLRejB", "N"),
    **dict.fromkeys("AaJSn", "S"),
    **dict.fromkeys("VEr", "V"),
    "F": "F",
    **dict.fromkeys("/fQ?", "Q"),
}
"""Annotation symbol to AAMI class; every other symbol is not a beat."""


def aami_codes(symbols: list[str]) -> NDArray[np.int8]:
    """Give each annotation its AAMI class code, -1 where it is not a beat.

    Examples
    --------
    >>> aami_codes(["N", "A", "V", "+", "j"]).tolist()
    [0, 1, 2, -1, 0]
    """
    codes = {symbol: AAMI.index(name) for symbol, name in AAMI_OF_SYMBOL.items()}
    return np.array([codes.get(symbol, -1) for symbol in symbols], np.int8)
