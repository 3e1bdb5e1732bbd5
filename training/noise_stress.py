"""Add real noise to records at known levels and compare QRS detectors: Vigil, gqrs, xqrs.

``python -m training.noise_stress`` writes ``docs/noise.md`` with its picture, and
``training/results/noise.json``. By default on DS1, which the shipped models were
trained on; ``--records all --why REASON`` takes all 48 records, a look at DS2
that is logged. What gqrs and xqrs found is cached, so a run that was stopped
goes on where it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from inference import model
from ingest.errors import InputError
from training.assessment import kept
from training.assessment.scoring import ModelFiles
from training.ec57 import record_names
from training.guard import Look
from training.noise_bank import NoiseSegment, load_noise
from training.splits import DS1, DS2
from training.stress.page import describe_noise, write_page
from training.stress.table import OURS, Trial, add_up, stress_record

CACHE = Path("runs/noise")
"""Where the other detectors' finds are kept."""
NAMES = {"ds1": "mitdb DS1 (which the models were trained on)", "ds2": "mitdb DS2"}


@dataclass(frozen=True, slots=True)
class Job:
    """What a process needs to score one record."""

    folder: Path
    """The database."""
    record: str
    """Record name."""
    segments: list[NoiseSegment]
    """Noise at the record's sampling frequency."""
    models: ModelFiles
    """Our models."""

    def run(self) -> list[Trial]:
        """Score it at every level."""
        return stress_record(
            self.folder, self.record, self.segments, models=self.models, cache=CACHE
        )


def run_jobs(jobs: Sequence[Job], n_processes: int) -> Iterator[list[Trial]]:
    """Score records, several at a time where asked, as they are done."""
    if n_processes == 1:
        yield from (job.run() for job in jobs)
        return
    with ProcessPoolExecutor(n_processes, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(job.run) for job in jobs]):
            yield done.result()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the noise stress test from the command line."""
    arguments = _parser().parse_args(argv)
    folder = arguments.data / arguments.database
    named = record_names(arguments.records)
    records = named or tuple(sorted(path.stem for path in folder.glob("*.hea")))
    look = arguments.database == "mitdb" and (named is None or bool({*records} & {*DS2}))
    if look and not arguments.why:
        raise InputError("records of DS2 are held out; say why with --why, it is logged")
    if arguments.why is not None:
        Look(arguments.why)
    fs = 360 if arguments.database == "mitdb" else 128
    segments = load_noise(arguments.data, "test", fs)
    qrs, beat = (getattr(arguments, kind) or model.builtin(kind) for kind in ("qrs", "beat"))
    jobs = [Job(folder, record, segments, ModelFiles(qrs, beat)) for record in records]
    trials: list[Trial] = []
    for number, done in enumerate(run_jobs(jobs, arguments.jobs), 1):
        trials += done
        print(f"{number} of {len(jobs)}: {done[0].record}", flush=True)
    rows = add_up(trials)
    result: dict[str, Any] = {
        "records": _words(arguments.database, records, named is None),
        "command": _command(arguments),
        "models": {"qrs": kept.model_facts(qrs), "beat": kept.model_facts(beat)},
        "noise": describe_noise(segments),
        "rows": rows,
    }
    if arguments.why:
        _log(result, arguments.why)
    kept.keep("noise", result, arguments.results)
    print(write_page(kept.kept("noise", arguments.results) or result, arguments.out).read_text())


def _log(result: dict[str, Any], why: str) -> None:
    """Log the look at DS2 with the figures without noise."""
    clean = result["rows"][0]
    digests = " ".join(fact["digest"][:12] for fact in result["models"].values())
    f1 = [clean["qrs"][OURS]["f1"], clean["veb"]["f1"], clean["sveb"]["f1"]]
    qrs, veb, sveb = ("–" if value is None else f"{value:.2f}" for value in f1)
    kept.log_look(digests, (qrs, veb, sveb), f"noise stress test, clean level of it: {why}")


def _words(database: str, records: Sequence[str], everything: bool) -> str:
    """Say who the records are."""
    if database == "mitdb":
        for key, group in (("ds1", DS1), ("ds2", DS2)):
            if {*records} == {*group}:
                return NAMES[key]
    if everything:
        trained = ", of which the models were trained on the 22 of DS1"
        return f"{database}, all {len(records)}{trained if database == 'mitdb' else ''}"
    trained_on = " (which the models were trained on)" if {*records} <= {*DS1} else ""
    return f"{database} {', '.join(records)}{trained_on}"


def _command(arguments: argparse.Namespace) -> str:
    database = "" if arguments.database == "mitdb" else f" --database {arguments.database}"
    return f"python -m training.noise_stress{database} --records {arguments.records}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--database", default="mitdb", choices=("mitdb", "svdb"))
    parser.add_argument("--records", default="ds1", help="ds1, ds2, all, or names with commas")
    parser.add_argument("--why", help="why DS2 is looked at; it is logged")
    parser.add_argument("--qrs", type=Path, help="QRS model; the shipped one by default")
    parser.add_argument("--beat", type=Path, help="beat model; the shipped one by default")
    parser.add_argument("--jobs", type=int, default=1, help="records at a time (1)")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder of the page (docs)")
    parser.add_argument("--results", type=Path, default=kept.RESULTS, help="folder of noise.json")
    return parser


if __name__ == "__main__":
    main()
