"""Compare two folders of WFDB annotations, record by record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.errors import InputError
from training.ec57.aami import EC57, AamiMapping
from training.ec57.annotation import Annotations, read_annotations, read_header
from training.ec57.beats import compare_beats
from training.ec57.episodes import compare_episodes
from training.ec57.protocol import STANDARD, Protocol
from training.ec57.runs import compare_runs
from training.ec57.summary import RecordComparison
from training.splits import DS1, DS2, database_of

GROUPS = {"ds1": DS1, "ds2": DS2}
"""Records by group name: the halves of mitdb by de Chazal 2004, without paced records."""

Progress = Callable[[str, int, int], None]
"""Called with a record's name, how many are done, and how many there are."""


@dataclass(frozen=True)
class Evaluation:
    """What comparing a set of records found, and under which rules.

    Raises
    ------
    InputError
        It names no AAMI mapping, or a record was counted by another one: such figures
        can be neither printed nor written.
    """

    records: tuple[RecordComparison, ...]
    """One comparison a record."""
    protocol: Protocol
    """Match window, learning period, official counting."""
    mapping: AamiMapping
    """Which symbols are which AAMI class."""
    without_test: tuple[str, ...] = ()
    """Reference records that have no test annotations and were not asked for by name."""
    excluded: tuple[str, ...] = ()
    """Records that were left out by name."""
    database: str = ""
    """Name of the database, by which patients are told apart."""

    def __post_init__(self) -> None:
        name = getattr(self.mapping, "name", "")
        if not name:
            raise InputError("an evaluation must name its AAMI mapping: are e and j N, or S?")
        if other := sorted({r.record for r in self.records if r.mapping != name}):
            raise InputError(
                f"record {', '.join(other)}: not counted by the AAMI mapping {name!r} that the "
                "evaluation names"
            )

    def without(self, *names: str) -> Evaluation:
        """Leave records out, such as 202, whose patient is 201 of DS1."""
        return replace(self, records=tuple(r for r in self.records if r.record not in names))


def compare_records(
    ref_dir: Path,
    test_dir: Path,
    test_ext: str,
    records: Sequence[str] | None = None,
    *,
    ref_ext: str = "atr",
    exclude: Iterable[str] = (),
    protocol: Protocol = STANDARD,
    mapping: AamiMapping = EC57,
    runs: bool = False,
    episodes: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """Compare every record's test annotations with its reference.

    Parameters
    ----------
    ref_dir, test_dir
        Folders of the reference and of the test annotations.
    test_ext, ref_ext
        Annotator names, which are the files' extensions.
    records
        Record names; all that both folders have if left out.
    exclude
        Record names to leave out.
    protocol, mapping
        Rules of the comparison and the AAMI class of each symbol.
    runs, episodes
        Also compare ectopic runs; AF and VF episodes.
    progress
        Told after each record.

    Raises
    ------
    InputError
        No record to compare, or a file that is missing or cannot be used.
    """
    exclude = set(exclude)
    names, without_test = _select(ref_dir, test_dir, test_ext, records, ref_ext, exclude)
    found = []
    for done, name in enumerate(names, 1):
        ref, test, end = _read(ref_dir, test_dir, name, ref_ext, test_ext)
        found.append(
            compare_record(
                name, ref, test, end, protocol=protocol, mapping=mapping, runs=runs,
                episodes=episodes,
            )
        )  # fmt: skip
        if progress is not None:
            progress(name, done, len(names))
    left_out = tuple(sorted(exclude))
    database = database_of(ref_dir.resolve().name, names)
    return Evaluation(tuple(found), protocol, mapping, without_test, left_out, database)


def compare_record(
    record: str,
    ref: Annotations,
    test: Annotations,
    end_sample: int | None = None,
    *,
    protocol: Protocol = STANDARD,
    mapping: AamiMapping = EC57,
    runs: bool = False,
    episodes: bool = False,
) -> RecordComparison:
    """Compare one record's annotations, already read.

    Parameters
    ----------
    record
        Its name.
    ref, test
        Annotations at the same sampling frequency.
    end_sample
        Last sample of the record; the last reference annotation if left out.
    protocol, mapping, runs, episodes
        As for `compare_records`.
    """
    if ref.fs != test.fs:
        raise InputError(f"{record}: reference at {ref.fs:g} Hz, test at {test.fs:g} Hz")
    return RecordComparison(
        record,
        compare_beats(ref, test, end_sample=end_sample, protocol=protocol, mapping=mapping),
        {
            kind: compare_runs(
                ref, test, kind, end_sample=end_sample, protocol=protocol, mapping=mapping
            )
            for kind in (("ve", "sve") if runs else ())
        },
        {
            kind: compare_episodes(ref, test, kind, end_sample=end_sample, protocol=protocol)
            for kind in (("af", "vf") if episodes else ())
        },
        mapping.name,
    )


def record_names(text: str) -> tuple[str, ...] | None:
    """Read a list of records: names with commas, or a group; None means all.

    Examples
    --------
    >>> record_names("100, 101"), record_names("all"), len(record_names("ds2"))
    (('100', '101'), None, 22)
    """
    text = text.strip()
    if text.lower() == "all":
        return None
    if text.lower() in GROUPS:
        return GROUPS[text.lower()]
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise InputError(f"no record named in {text!r}: give names with commas, or ds1, ds2, all")
    return names


def _select(
    ref_dir: Path,
    test_dir: Path,
    test_ext: str,
    records: Sequence[str] | None,
    ref_ext: str,
    exclude: set[str],
) -> tuple[list[str], tuple[str, ...]]:
    """Choose the records to compare, and name those that have no test annotations."""
    for folder, what in ((ref_dir, "reference"), (test_dir, "test")):
        if not folder.is_dir():
            raise InputError(f"{what} folder {folder} does not exist")
    if records is not None:
        chosen = [name for name in records if name not in exclude]
        if not chosen:
            raise InputError("every record that was named is excluded")
        return chosen, ()
    ref = {path.stem for path in ref_dir.glob(f"*.{ref_ext}")}
    test = {path.stem for path in test_dir.glob(f"*.{test_ext}")}
    for names, folder, ext in ((ref, ref_dir, ref_ext), (test, test_dir, test_ext)):
        if not names:
            raise InputError(f"no .{ext} annotation files in {folder}; {_extensions(folder)}")
    chosen = sorted((ref & test) - exclude)
    if not chosen:
        raise InputError(
            f"{ref_dir} and {test_dir} have no record in common: {_some(ref)} against {_some(test)}"
        )
    return chosen, tuple(sorted(ref - test - exclude))


def _read(
    ref_dir: Path, test_dir: Path, name: str, ref_ext: str, test_ext: str
) -> tuple[Annotations, Annotations, int | None]:
    """Read one record's two annotators and its length in samples."""
    header = read_header(ref_dir, name)
    ref = read_annotations(ref_dir, name, ref_ext, header.fs if header else None)
    test = read_annotations(test_dir, name, test_ext, ref.fs)
    return ref, test, header.n_samples if header else None


def _some(names: set[str]) -> str:
    """Name a few."""
    return ", ".join(sorted(names)[:3]) + (" …" if len(names) > 3 else "")


def _extensions(folder: Path) -> str:
    """Say which extensions a folder has."""
    found = sorted({path.suffix[1:] for path in folder.iterdir() if path.suffix})
    return f"it has {', '.join('.' + ext for ext in found[:12])}" if found else "it is empty"
