"""Which AAMI class each WFDB beat symbol belongs to, by named mappings.

EC57 knows five classes: N (any beat that is none of the others), S
(supraventricular ectopic), V (ventricular ectopic), F (fusion of ventricular
and normal) and Q (paced, fusion of paced and normal, or unclassifiable).
Papers differ in where they put the escape beats ``e``, ``j`` and ``n``, so
the mapping that is used is always named in the results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ingest.errors import InputError

CLASSES = "NSVFQ"
"""The five AAMI classes, in the order of every table here."""

_COMMON = {
    "N": "N",  # normal
    "L": "N",  # left bundle branch block
    "R": "N",  # right bundle branch block
    "B": "N",  # bundle branch block, unspecified
    "A": "S",  # atrial premature
    "a": "S",  # aberrated atrial premature
    "J": "S",  # nodal (junctional) premature
    "S": "S",  # supraventricular premature or ectopic
    "V": "V",  # premature ventricular contraction
    "r": "V",  # R-on-T premature ventricular contraction
    "E": "V",  # ventricular escape
    "F": "F",  # fusion of ventricular and normal
    "/": "Q",  # paced
    "f": "Q",  # fusion of paced and normal
    "Q": "Q",  # unclassifiable
    "?": "Q",  # not classified during learning
}


@dataclass(frozen=True)
class AamiMapping:
    """A named mapping from WFDB beat symbols to AAMI classes."""

    name: str
    """Short name, printed with every result."""
    source: str
    """Where the mapping is published."""
    classes: Mapping[str, str]
    """WFDB symbol to one of N, S, V, F, Q; a symbol that is not here is no beat."""

    def describe(self) -> str:
        """Say in one line which symbols make up each class.

        Examples
        --------
        >>> EC57.describe()
        'N: N L R B; S: A a J S e j n; V: V r E; F: F; Q: / f Q ?'
        """
        return "; ".join(
            f"{aami}: {' '.join(s for s, c in self.classes.items() if c == aami)}"
            for aami in CLASSES
        )


EC57 = AamiMapping(
    "ec57",
    "ANSI/AAMI EC57:1998 (S: an atrial or nodal premature or escape beat, or an aberrated atrial "
    "premature beat), as the official bxb counts: e, j and n are S",
    MappingProxyType({**_COMMON, "e": "S", "j": "S", "n": "S"}),
)
"""Escape beats e, j, n are S. The default, and the only one that equals the official tools."""

DE_CHAZAL = AamiMapping(
    "dechazal",
    "de Chazal, O'Dwyer, Reilly 2004, IEEE Trans Biomed Eng 51(7), table I: e and j are N",
    MappingProxyType({**_COMMON, "e": "N", "j": "N", "n": "N"}),
)
"""Escape beats are N, as most papers on DS1 and DS2 count; not what bxb prints."""

MAPPINGS: Mapping[str, AamiMapping] = MappingProxyType({m.name: m for m in (EC57, DE_CHAZAL)})


def mapping_named(name: str) -> AamiMapping:
    """Find a mapping by its name.

    Raises
    ------
    InputError
        The name is not one of `MAPPINGS`.

    Examples
    --------
    >>> mapping_named("dechazal").classes["j"]
    'N'
    """
    try:
        return MAPPINGS[name]
    except KeyError:
        raise InputError(
            f"no AAMI mapping is called {name!r}; there are: {', '.join(MAPPINGS)}"
        ) from None
