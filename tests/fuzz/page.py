"""The page of the fuzzing, written by its command."""

from __future__ import annotations

from deploy.services.bench.machine import describe
from tests.fuzz.plan import LEAST, OVERNIGHT, Ledger, share

TEXT = """\
# Fuzzing

Made by `python -m tests.fuzz --report docs/fuzzing.json --page docs/fuzzing.md`, never by hand.
Every reader of bytes from outside was fed inputs that were made of good ones by flipping, cutting,
doubling, splicing and putting in words of the format; what led to an outcome that was not seen
before is changed further. Looked for is anything but a refusal (`InputError`): another exception, a
hang of 5 s of the processor, a request for 2 GiB, growth of 64 MiB.

**{verdict}**: {n_inputs:,} inputs, {seconds:,.0f} s of one core, in {n_pieces} pieces.

| reader | inputs | of the plan | a second | refused | outcomes | slowest | grown | faults |
|---|---|---|---|---|---|---|---|---|
{rows}

*Of the plan*: of what an overnight run of {overnight:,} has for this reader; readers that open
files have the fewest, at least {least:,}. *A second*: by the processor's time. *Slowest*: by the
clock, on a machine that did other work. *Grown*: the most that the process grew in one turn of at
most 20 s, from the first tenth of the turn to its end. *Outcomes*: different messages, in the piece
that saw most.

Memory of the processes, from when every reader had had a turn to the last turn: {memory}.
Machine: {machine}.

`make fuzz FUZZ_ARGS="--inputs 100000000 --report fuzzing.json --out faults"` is the overnight run;
stopped and started again, it goes on where it was, with other inputs. A short form is in every test
run (`tests/fuzz/test_fuzz.py`).
"""


def page(ledger: Ledger) -> str:
    """Write the page of what was fed so far."""
    found = ledger.n_faults
    verdict = "Nothing but refusals" if not found else f"{found} kinds of FAULT"
    if ledger.n_inputs < OVERNIGHT:
        verdict += f"; {ledger.n_inputs / OVERNIGHT:.0%} of the {OVERNIGHT:,} that are wanted"
    rows = [
        f"| {name} | {total.inputs:,} | {total.inputs / share(name, OVERNIGHT):.0%} |"
        f" {total.inputs / max(total.seconds, 1e-9):,.0f} |"
        f" {total.refused / max(total.inputs, 1):.1%} | {total.outcomes} |"
        f" {total.slowest_s * 1000:,.0f} ms | {total.grown_bytes / 2**20:.1f} MB |"
        f" {', '.join(total.faults) or 'none'} |"
        for name, total in sorted(ledger.totals.items(), key=lambda item: -item[1].inputs)
    ]
    long = [piece for piece in ledger.pieces if piece.settled_mb]
    memory = "; ".join(
        f"{piece.settled_mb:.0f} → {piece.last_mb:.0f} MB in {piece.inputs:,} inputs"
        for piece in long
    )
    return TEXT.format(
        verdict=verdict,
        n_inputs=ledger.n_inputs,
        seconds=sum(total.seconds for total in ledger.totals.values()),
        n_pieces=len(ledger.pieces),
        rows="\n".join(rows),
        overnight=OVERNIGHT,
        least=LEAST,
        memory=memory or "no piece was long enough",
        machine=describe(),
    )
