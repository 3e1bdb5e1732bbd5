"""The page that tells of numerics over Kafka, and what a trial of it found."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.trials.numerics import Outcome

TEXT = """\
# Numerics over Kafka

Made by `{command}`; do not edit.

`vigil monitor --numerics` (or `[numerics] enabled = true`) also forecasts streams without an ECG:
heart rate, pulse rate, respiration, SpO2, whatever channels the forecaster knows
([forecasting](forecasting.md)). They come over the same topics as ECG, as frames at their own
sampling frequency, and go through the same worker: sequenced alike, their states among the states of
the streams, their alarms in the same transactions ([ADR 0036](adr/0036-numerics-in-the-workers-engine.md)).
Without it their frames are counted (`vigil_frames_without_ecg_total`) and passed over.
The console shows their values beside the heart rate either way ([console](console.md)).

    vigil monitor --from kafka://127.0.0.1:9092/ecg.frames --to kafka://127.0.0.1:9092/ecg.alarms \\
        --state-to kafka://127.0.0.1:9092/ecg.state --numerics
    vigil replay bidmc/bidmc19n --to kafka://127.0.0.1:9092/ecg.frames

| `[numerics]` | default | |
|---|---|---|
| `enabled` | false | whether they are forecast |
| `false_alarms_per_h` | 4 | false alarms an hour and stream that are asked for: 2, 4, 8 or 16 with the shipped model; what is got stands in [forecasting](forecasting.md) |
| `share` | none | share of its time in which a stream may reach a limit that then follows it |

Another forecaster is named by `--model FILE`. A stream needs one of its channels, by name in any case,
and a sampling frequency that is a multiple of the model's; one whose frequency is not becomes dead
letters that say so. A stream with any electrical lead is scored as ECG, its numerics are not looked at.

## The alarms

Of low priority, never latching, and told once for as long as they go on:

- `unusual_numerics` (physiological): values are not as forecast.
- `lost_numerics` (technical): values are gone, or stand still unlike their habit.

Which of the two is decided by what is strangest when the alarm is raised, 3 s after the score first
reaches its limit; it ends after 10 s below. `anomaly` tells the strangest second so far: channel, why, how
rare (one in ten to the power of `rarity` undisturbed seconds), the limit, the value, and what had been
forecast of it 10 s before. The first minute of a stream raises nothing. Gaps up to 10 min are stepped through
as missing values; behind longer ones the stream starts anew. In a gap of the transport the alarm says *gone*.
This is no limit alarm and replaces none: what is bad and stays so is soon what is forecast.

`vigil score` on a record of numerics writes the same alarms to `NAME.alarms.jsonl`, beside
`NAME.anomalies.jsonl`. One alarm of the trial, in part:

```json
{example}
```

## What a trial found

{records} records of bidmc ({signal_h:.1f} h) went through a Kafka of its own as live streams, {messages}
messages of a second each, to one worker that was killed with SIGKILL {kills} times in the middle of what it had
been sent, states every second. What was published with `read_committed` was laid, byte by byte, beside what
the engine says of the records in one process, a minute a frame.

| | |
|---|---|
| streams not as wanted (lost, doubled or other messages) | {wrong} |
| alarms raised | {alarms} ({by_condition}) |
| by what was strangest when raised | {by_why} |
| remembered of one stream | {state_bytes} bytes |
| streams at 1 Hz that one core forecasts, {at_once} at once | {streams_a_core} |

The last is of processor time, not of the clock, while other work went on on the machine. The shipped forecaster learned
from these records: how many of the alarms are false is told in [forecasting](forecasting.md), of persons left out.
"""  # noqa: E501


def page(outcome: Outcome, asked: argparse.Namespace) -> str:
    """Write it."""
    from deploy.trials.numerics import SPEED_STREAMS

    command = f"python -m deploy.trials.numerics --records {asked.records} --kills {asked.kills}"
    most = "" if asked.most is None else f" --most {asked.most}"
    wrong = "; ".join(f"{name}: {tuple(n)}" for name, n in sorted(outcome.wrong.items()))
    return TEXT.format(
        command=f"{command}{most} --page {asked.page}",
        example=outcome.example,
        records=outcome.records,
        signal_h=outcome.signal_h,
        messages=outcome.messages,
        kills=outcome.kills,
        wrong=wrong or "none",
        alarms=outcome.alarms,
        by_condition=_in_words(outcome.by_condition),
        by_why=_in_words(outcome.by_why),
        state_bytes=outcome.state_bytes,
        streams_a_core=outcome.streams_a_core,
        at_once=SPEED_STREAMS,
    )


def _in_words(counts: dict[str, int]) -> str:
    """Write counts.

    Examples
    --------
    >>> _in_words({"error": 2, "gone": 1})
    'error 2, gone 1'
    """
    return ", ".join(f"{name} {n}" for name, n in counts.items())
