"""The whole loop: a champion monitors, clinicians tell, a candidate is made, judged, promoted.

``python -m deploy.trials.loop`` runs it on mitdb and svdb without DS2 and writes
``docs/retraining-trial.md``. Four candidates that must be stopped go the same way, each with a
fault for one gate to find.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deploy.audit_log import AuditLog, verify
from deploy.registry.release import Releases
from deploy.registry.shelf import Shelf
from deploy.registry.store import ModelRegistry, Stage
from deploy.security.models import sign_model
from deploy.services.models import choose_models
from deploy.services.retraining import Change, Retraining
from deploy.services.score_jobs import score_to_folder
from deploy.services.scoring import ScoreOptions
from deploy.trials.loop_keys import make_keys
from deploy.trials.loop_plan import AUDIT, LoopPlan, lay_out, write_change, write_training
from ingest.verdicts import Verdict
from training.config import load_config
from training.ec57 import DE_CHAZAL, Annotations, read_annotations
from training.ec57.annotation import read_header
from training.feedback.annotate import annotate, read_alarms
from training.feedback.resolve import resolve
from training.feedback.simulate import Reading, Stream, simulate_feedback
from training.feedback.summary import summarise
from training.fit import fit
from training.retrain.faults import FAULTS, plant
from training.retrain.models import Known, open_model

BEGIN_MS = 1_767_225_600_000
"""When simulated clinicians begin to speak: 2026-01-01."""
LEAKED = "patients leaked"
"""The fault that needs no planting: the locked patients once more, from elsewhere."""
STOPPED_BY = {
    LEAKED: "leakage",
    "subgroup ruined": "subgroups",
    "calibration broken": "calibration",
    "batch-dependent": "batch invariance",
}
"""Gate that must stop each candidate."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the loop."""

    feedback: dict[str, Any]
    """Summary of what clinicians said."""
    labels: dict[str, int]
    """Beats of the ward by what their labels rest on."""
    good: Change
    """The change that should pass."""
    bad: dict[str, Change]
    """Those that should be stopped, by fault."""
    history: list[dict[str, Any]]
    """Versions in the registry at the end, the newest first."""
    audit_lines: int
    """Lines of the audit log, found whole."""
    cpu_s: float
    """Time of the processor, s."""
    wall_s: float
    """Time on the wall, s."""
    minutes: float | None = None
    """Begin of each record that was taken, min; None: all of it."""
    resumed: bool = False
    """Whether it had been cut off, so that the times are those of its last part."""

    @property
    def held(self) -> bool:
        """Whether the good one passed, and each bad one was stopped by the gate meant for it."""
        return self.good.passed and all(
            STOPPED_BY[fault] in change.record["stopped_by"] for fault, change in self.bad.items()
        )


def run_loop(plan: LoopPlan, data: Path, work: Path, say: Say = lambda _: None) -> Outcome:
    """Run the loop.

    Parameters
    ----------
    plan : LoopPlan
        Who does what.
    data : Path
        Folder of the databases; only read.
    work : Path
        Folder for all that is made; a trial that was cut off there goes on.
    say : callable
        Is told what goes on.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read, or a step refuses to go on.
    """
    resumed = (work / "champion.toml").exists()
    begun, cpu = time.perf_counter(), time.process_time()
    own = lay_out(plan, data, work)
    private, public = work / "key.pem", work / "public.pem"
    if not public.is_file():
        make_keys(work)
    say("training the champion")
    parts: list[tuple[str, Any, str]] = [
        (database, names, "atr") for database, names in plan.champion.items()
    ]
    training = write_training(plan, work / "champion.toml", "0.1.0", parts)
    if not (work / "champion" / "run.json").is_file():
        fit(load_config(training), own, work / "champion", progress=False)
    champion = open_model(work / "champion")
    sign_model(champion.path, private)
    with AuditLog(work / "audit.jsonl") as log:
        registry = ModelRegistry(str(work / "registry.db"))
        releases = Releases(registry, Shelf(work / "models"), [public], log, "release")
        if registry.at("beat", Stage.CHAMPION) is None:
            releases.begin("beat", champion.path)
        in_use = work / "models" / "beat" / "champion" / "beat.onnx"
        say("replaying the ward's streams through the champion")
        scored = _replay(plan, own, in_use, work / "scored")
        said = _listen(plan, own, scored)
        (work / "feedback.jsonl").write_bytes(b"".join(v.to_json() + b"\n" for v in said))
        labels = _label(plan, own, scored, said)
        judge = Retraining(own, private, "release", say, kept=work / "kept")
        parts += [
            (database, heard, "fbk")
            for database, names in plan.ward.items()
            if (heard := [name for name in names if (own / database / f"{name}.fbk").is_file()])
        ]
        learned = write_training(plan, work / "candidate.toml", "0.2.0", parts)
        words = ("Beats of the ward join the training.", "Clinicians corrected alarms there.")
        path = write_change(plan, work / "good.toml", words, work / "champion", learned)
        good = _change(judge, path, work / "changes" / "good", _trained(work))
        bad = _must_be_stopped(plan, work, parts, (work / "champion", learned), judge)
        if good.passed and len(registry.versions("beat")) == 1:
            say("promoting, rolling back, and promoting again")
            registry_add(registry, good)
            releases.promote("beat", None)
            releases.rollback("beat")
            releases.promote("beat", 2)
        history = [one.to_dict() for one in registry.versions("beat")]
    lines = verify(work / "audit.jsonl").n_lines
    spent = time.process_time() - cpu, time.perf_counter() - begun
    return Outcome(
        summarise(said), labels, good, bad, history, lines, *spent, plan.minutes, resumed
    )


def _trained(work: Path) -> Known | None:
    """Open the candidate of a trial that was cut off after it was made; else it is made (again)."""
    run = work / "changes" / "good" / "candidate"
    made = open_model(run) if (run / "run.json").is_file() else None
    whole = made is not None and made.run is not None and "temperature" in made.run
    return made if whole else None


def _change(judge: Retraining, path: Path, out: Path, candidate: Known | None = None) -> Change:
    """Make a change, or read what came of it where the trial was cut off later."""
    record = out / "record.json"
    if not record.is_file():
        return judge.change(path, out, candidate)
    file = out / "candidate" / "beat.onnx"
    return Change(out, json.loads(record.read_bytes()), file if file.is_file() else None)


def registry_add(registry: ModelRegistry, change: Change) -> None:
    """Register what passed."""
    told = change.record["description_of_modifications"]["candidate"]
    if change.candidate is not None:
        registry.add(told["name"], change.candidate, change.folder, told["version"], told["sha256"])


def _replay(plan: LoopPlan, data: Path, model: Path, out: Path) -> Path:
    """Score the ward's records as streams, in portions, and keep what was said of them."""
    paths = [
        str(data / database / name)
        for database, names in plan.ward.items()
        for name in names
        if not (out / f"{name}.alarms.jsonl").is_file()
    ]
    if not paths:
        return out
    score_to_folder(paths, out, ScoreOptions(choose_models([str(model)])), lambda _: None)
    return out


def _listen(plan: LoopPlan, data: Path, scored: Path) -> list[Verdict]:
    """Let simulated clinicians look at what the champion said."""
    said: list[Verdict] = []
    for database, names in plan.ward.items():
        for name in names:
            header = read_header(data / database, name)
            fs = None if header is None else header.fs
            truth = _beats(read_annotations(data / database, name, "atr", fs))
            found = _beats(read_annotations(scored, name, "vgl", fs))
            alarms = read_alarms(scored / f"{name}.alarms.jsonl")
            stream = Stream(name, fs or 1.0, *found, alarms, *truth)
            said += simulate_feedback(stream, Reading(), 0, BEGIN_MS)
    return said


def _label(plan: LoopPlan, data: Path, scored: Path, said: Sequence[Verdict]) -> dict[str, int]:
    """Write labels beside the ward's records; count beats by what these rest on."""
    counts: dict[str, int] = {}
    answers = resolve(said)
    for database, names in plan.ward.items():
        own = [one for one in answers if one.stream_id in names]
        for done in annotate(own, scored, data / database):
            for what, n in done.counts.items():
                counts[what] = counts.get(what, 0) + n
    return counts


def _must_be_stopped(
    plan: LoopPlan,
    work: Path,
    parts: list[tuple[str, Any, str]],
    made: tuple[Path, Path],
    judge: Retraining,
) -> dict[str, Change]:
    """Send faulty candidates the same way."""
    champion, learned = made
    names = [name for records in plan.locked.values() for name in records]
    leaked = write_training(
        plan, work / "leaked.toml", "0.2.1", [*parts, ("elsewhere", names, "atr")]
    )
    words = ("Beats of another hospital join the training.", "More data.")
    path = write_change(plan, work / "leaked-change.toml", words, champion, leaked)
    found = {LEAKED: _change(judge, path, work / "changes" / "leaked")}
    candidate = open_model(work / "changes" / "good" / "candidate")
    for fault in FAULTS:
        name = fault.replace(" ", "-")
        words = ("A fault was planted for a gate to find.", fault.capitalize() + ".")
        path = write_change(plan, work / f"{name}.toml", words, champion, learned)
        file = work / "planted" / name / "beat.onnx"
        done = (work / "changes" / name / "record.json").is_file()
        planted = None if done else plant(candidate, fault, file)
        found[fault] = _change(judge, path, work / "changes" / name, planted)
    return found


def _beats(marks: Annotations) -> tuple[np.ndarray, list[str]]:
    """Give samples and classes of the annotations that are beats."""
    classes = [DE_CHAZAL.classes.get(symbol) for symbol in marks.symbol]
    is_beat = np.array([each is not None for each in classes], bool)
    return marks.sample[is_beat], [each for each in classes if each is not None]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the loop from the command line; 1 where it does not hold."""
    from deploy.trials.loop_page import page

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, help="folder for all that is made; else it goes")
    parser.add_argument("--minutes", type=float, help="begin of each record; whole by default")
    parser.add_argument("--out", type=Path, default=Path("docs/retraining-trial.md"))
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as beside:
        work = arguments.work or Path(beside)
        work.mkdir(parents=True, exist_ok=True)

        def say(what: str) -> None:
            print(what, flush=True)

        outcome = run_loop(
            LoopPlan(audit=AUDIT, minutes=arguments.minutes), arguments.data, work, say
        )
        arguments.out.write_text(page(outcome), "utf-8")
        (work / "outcome.json").write_text(json.dumps(outcome.good.record, indent=1), "utf-8")
    print(f"{'held' if outcome.held else 'DID NOT HOLD'}: {arguments.out}")
    return 0 if outcome.held else 1


if __name__ == "__main__":
    raise SystemExit(main())
