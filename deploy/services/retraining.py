"""One change of a model from configuration to signed record: what ``vigil retrain`` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deploy.security.models import sign_model
from deploy.security.signing import sign
from deploy.services.looks import end_look, take_look
from deploy.services.verify import why_not_batch_invariant
from fairness.audit import audit_tables
from fairness.declaration import load_declaration
from fairness.result import AuditResult, Verdict
from inference.alarm_json import canonical
from ingest.errors import InputError
from training.config import TrainConfig
from training.fit import fit
from training.gates.gate import Decision, Gate
from training.retrain.calibrate import recalibrate
from training.retrain.config import RetrainConfig, load_retrain
from training.retrain.judge import data_gate, locked_gates, model_gates
from training.retrain.locked import LockedSet, require_leads
from training.retrain.manifest import Manifest, make_manifest, without_left_out
from training.retrain.models import Known, known_run, open_model, require_same_kind
from training.retrain.page import to_html, to_markdown
from training.retrain.record import PASSED, make_record
from training.retrain.teachers import taught_from
from training.sources import read_split

PURPOSE = "change"
"""What signatures of records are for."""
RECORD = "record.json"
"""File of the record; its signature and pages stand beside it."""

Say = Callable[[str], None]
"""Is told what goes on."""


@dataclass(frozen=True, slots=True)
class Change:
    """What came of a change."""

    folder: Path
    """Holds ``record.json`` with its signature, ``record.md``, ``record.html``,
    ``manifest.json``, and the candidate."""
    record: dict[str, Any]
    """The record."""
    candidate: Path | None
    """ONNX file of the candidate, None where it was stopped before it was made."""

    @property
    def passed(self) -> bool:
        """Whether every gate was passed."""
        return bool(self.record["outcome"] == PASSED)


class Retraining:
    """Changes of one champion that are judged by one locked set, which is scored but once a model.

    Parameters
    ----------
    data : Path
        Folder of the databases.
    key : Path
        Ed25519 private key (PEM) that signs records, and models that passed.
    who : str
        Who changes, for the log of looks.
    say : callable
        Is told what goes on.
    progress : bool
        Show a progress bar while the candidate is trained.
    kept : Path, optional
        Folder in which what models say of the locked set is kept.
    """

    def __init__(
        self,
        data: Path,
        key: Path,
        who: str,
        say: Say = lambda _: None,
        *,
        progress: bool = False,
        kept: Path | None = None,
    ) -> None:
        self._data, self._key, self._who, self._say = data, key, who, say
        self._progress, self._kept = progress, kept
        self._locked: dict[str, LockedSet] = {}

    def change(self, path: Path, out: Path, candidate: Known | None = None) -> Change:
        """Make a candidate, or take one that is made, judge it, and write the signed record.

        Parameters
        ----------
        path : Path
            Configuration, TOML.
        out : Path
            Folder for all that comes of it.
        candidate : Known, optional
            A candidate that was trained before; else one is trained.

        Raises
        ------
        InputError
            If something cannot be read, or this candidate was judged by the locked set before.
        """
        config, training = load_retrain(path)
        sign(self._key, PURPOSE, b"")  # a key that cannot sign is told before anything is trained
        champion = open_model(config.champion)
        require_same_kind(champion, training)
        if candidate is not None:
            require_same_kind(champion, candidate)
        require_leads(config, self._data, champion.n_leads)
        manifest = make_manifest(config, training, self._data)
        out.mkdir(parents=True, exist_ok=True)
        _write(out / "manifest.json", json.dumps(manifest.to_dict(), indent=1).encode())
        known = _known_to(training, candidate)
        gates = [self._tell(_with_known(data_gate(manifest), manifest, known))]
        look = None
        if gates[0].passed:
            training = without_left_out(training, manifest, self._data)
            if candidate is None:
                self._say("training the candidate")
                run = fit(training, self._data, out / "candidate", progress=self._progress)
                candidate = known_run(run)
                if config.calibrate:
                    own = read_split(training.data, self._data, champion.n_leads).training
                    candidate = recalibrate(candidate, own)
            before = [batch_gate(candidate.path), *model_gates(champion, candidate, config)]
            gates += [self._tell(gate) for gate in before]
            if all(gate.passed for gate in gates):
                digests = manifest.locked_digest, candidate.info.digest
                look = take_look(config.looks, self._who, *digests, config.name)
                gates += self._by_locked(champion, candidate, config, manifest)
                end_look(config.looks, self._who, *digests, config.name)
        else:
            candidate = None
        record = make_record(config, training, manifest, (champion, candidate), gates, look)
        return self._finish(out, record, None if candidate is None else candidate.path)

    def _by_locked(
        self, champion: Known, candidate: Known, config: RetrainConfig, manifest: Manifest
    ) -> list[Gate]:
        """Look at the locked set."""
        if manifest.locked_digest not in self._locked:
            self._locked[manifest.locked_digest] = LockedSet(config, self._data, self._kept)
        locked = self._locked[manifest.locked_digest]
        self._say(f"scoring {len(locked.subjects)} locked patients")
        found = locked_gates(champion, candidate, config, locked, self._data)
        if config.audit is not None:
            found.append(audit_gate(config.audit, champion, candidate, locked))
        return [self._tell(gate) for gate in found]

    def _finish(self, out: Path, record: dict[str, Any], candidate: Path | None) -> Change:
        """Sign and write the record; sign the model if it passed."""
        content = canonical(record)
        _write(out / RECORD, content)
        told = sign(self._key, PURPOSE, content)
        _write(out / f"{RECORD}.sig", json.dumps(told, indent=1).encode())
        _write(out / "record.md", to_markdown(record).encode())
        _write(out / "record.html", to_html(record).encode())
        done = Change(out, record, candidate)
        if done.passed and candidate is not None:
            sign_model(candidate, self._key)
        return done

    def _tell(self, gate: Gate) -> Gate:
        self._say(f"{gate.name}: {gate.decision.value}: {gate.reason}")
        return gate


def batch_gate(path: Path) -> Gate:
    """Ask that a stream's scores do not depend on who else is in the batch."""
    reason = why_not_batch_invariant(path)
    return Gate(
        "batch invariance",
        "33 streams of random beats, several steps with carried state, alone, in groups of 2 and 7 "
        "and all together",
        "every probability the same, bit for bit",
        {"why_not": reason},
        Decision.PASSED if reason is None else Decision.FAILED,
        reason or "bit for bit the same",
    )


def audit_gate(declaration: Path, champion: Known, candidate: Known, locked: LockedSet) -> Gate:
    """Ask that the bias audit finds no disparity that it does not find of the champion."""
    declared = load_declaration(declaration)
    told = {metric.condition for metric in declared.metrics}
    subjects = locked.subjects.assign(monitored_h=locked.subjects["patient"].map(locked.hours))

    def audited(model: Known) -> AuditResult:
        table = locked.scored(model.path, model.info.digest)
        return audit_tables(table[table["condition"].isin(told)], subjects, declared)

    before, after = (
        {f"{c.metric} {c.condition} {c.attribute} {c.group}": c for c in audited(each).comparisons}
        for each in (champion, candidate)
    )
    own = {name for name, one in before.items() if one.verdict is Verdict.FAIL and one.primary}
    shown = [name for name, one in after.items() if one.verdict is Verdict.FAIL and one.primary]
    new = sorted(set(shown) - own)
    counts = {
        verdict.value: sum(c.verdict is verdict for c in after.values()) for verdict in Verdict
    }
    return Gate(
        "bias audit",
        f"vigil audit of both models' predictions on the locked set, as declared: {declared.title}",
        "no group is shown to fare worse by more than its margin that does not with the champion",
        {"comparisons": counts, "new": new, "as_before": sorted(set(shown) & own)},
        Decision.FAILED if new else Decision.PASSED,
        f"new: {', '.join(new)}" if new else f"none new of {len(after)} comparisons",
    )


def _known_to(training: TrainConfig, candidate: Known | None) -> dict[str, frozenset[str]]:
    """Say whom else a candidate was made from than the manifest tells."""
    made = [training.model_dump(mode="json")]
    if candidate is not None and candidate.run is not None:
        made.append(candidate.run["config"])
    return {
        "the candidate's run": frozenset() if candidate is None else candidate.patients,
        "a teacher": frozenset().union(*map(taught_from, made)),
    }


def _with_known(gate: Gate, manifest: Manifest, known: Mapping[str, frozenset[str]]) -> Gate:
    """Hold against the locked set also whom a candidate's run and its teachers learned from."""
    locked = {entry.patient for entry in manifest.of("locked")}
    leaks = [
        f"{who} learned from {', '.join(sorted(patients & locked))}"
        for who, patients in known.items()
        if patients & locked
    ]
    if not leaks:
        return gate
    return replace(
        gate,
        measured=gate.measured | {"leaks": [*gate.measured["leaks"], *leaks]},
        decision=Decision.FAILED,
        reason=leaks[0],
    )


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
