"""Pairing of reference beats with test beats within a match window (EC57, 4.3)."""

from __future__ import annotations

from collections.abc import Sequence

_FAR = 1 << 62


def match_beats(
    ref: Sequence[int], test: Sequence[int], window: int
) -> list[tuple[int | None, int | None]]:
    """Pair beats one to one, in time order.

    The earlier of the two next beats is paired with the other one if they are
    no further apart than the window, unless the beat after the earlier one
    lies strictly closer: then the earlier beat has no partner.

    Parameters
    ----------
    ref, test
        Sample indices in time order, shape (n_ref,) and (n_test,).
    window
        Largest distance of a pair, samples, 150 ms by the standard.

    Returns
    -------
    list
        Pairs of positions (into `ref`, into `test`) in time order; None
        stands for a missed beat's or a false detection's absent partner.

    Examples
    --------
    >>> match_beats([100, 400], [110, 700], 54)
    [(0, 0), (1, None), (None, 1)]
    >>> match_beats([100], [60, 105], 54)
    [(None, 0), (0, 1)]
    """
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    n_ref, n_test = len(ref), len(test)
    while i < n_ref and j < n_test:
        r, t = ref[i], test[j]
        gap = abs(r - t)
        if r <= t:
            after = ref[i + 1] if i + 1 < n_ref else _FAR
            if gap > window or (r < t and abs(after - t) < gap):
                pairs.append((i, None))
                i += 1
                continue
        else:
            after = test[j + 1] if j + 1 < n_test else _FAR
            if gap > window or abs(after - r) < gap:
                pairs.append((None, j))
                j += 1
                continue
        pairs.append((i, j))
        i += 1
        j += 1
    pairs.extend((k, None) for k in range(i, n_ref))
    pairs.extend((None, k) for k in range(j, n_test))
    return pairs
