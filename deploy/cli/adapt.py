"""``vigil adapt``: a beat model that fits one patient, from a labelled start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def adapt(
    record: Annotated[str, typer.Argument(help="WFDB record with annotations of its beats.")],
    *,
    minutes: Annotated[
        float, typer.Option(help="Labelled start to adapt to, minutes; nothing behind it is used.")
    ] = 5.0,
    model: Annotated[str, typer.Option(help="Beat model to start from, by name or path.")] = "beat",
    out: Annotated[
        Path | None, typer.Option(help="ONNX file to write; RECORD-adapted.onnx by default.")
    ] = None,
    lead: Annotated[
        str | None, typer.Option(help="Lead, by name or index; else MLII, II, I, a first.")
    ] = None,
    annotator: Annotated[str, typer.Option(help="Extension of the reference beats.")] = "atr",
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Adapt the beat model to one patient.

    Detects the beats of the record's start, labels them by the annotations and
    moves the model's two heads to them: in well under a second, without torch.
    The new model is served like any other. Needs the package onnx, of the extra
    ``train``.

    Examples
    --------
    $ vigil adapt mitdb/119 --minutes 5 --out 119.onnx
    $ vigil score mitdb/119 --model 119.onnx --out scored
    """
    from ingest.errors import InputError

    try:
        from training.adaptation.record import adapt_record
    except ModuleNotFoundError as error:
        raise InputError(f"vigil adapt needs {error.name}: install vigil-ecg[train]") from error
    from inference.model import find
    from ingest.wfdb_replay import record_name

    path = out or Path(f"{record_name(record)}-adapted.onnx")
    if path.suffix != ".onnx":
        raise InputError(f"--out must end in .onnx, not {path.name!r}")
    adapted = adapt_record(
        Path(record), find(model), minutes=minutes, lead=lead, annotator=annotator
    )
    try:
        path.write_bytes(adapted.content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    if as_json:
        found = {"record": record, "model": str(path), "name": adapted.name, "minutes": minutes}
        typer.echo(json.dumps({**found, "beats": adapted.beats, "cpu_s": adapted.seconds}))
    else:
        told = ", ".join(f"{n} {name}" for name, n in adapted.beats.items() if n)
        typer.echo(f"{path}: adapted to {told} in {adapted.seconds:.2f} s of processor time")
