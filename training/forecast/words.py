"""What ``docs/forecasting.md`` says around its figures."""

from __future__ import annotations

HEAD = """# Forecasting any sensor stream

Made by `python -m training.forecast`, of `training/configs/forecast.toml`; figures as JSON in
`training/results/forecast.json`.

A recurrent net forecasts what bedside sensors will tell, a minute ahead, second by second: heart
rate, pulse rate, respiration and SpO2 at 1 Hz. What does not come as forecast is an anomaly; no
labels are needed. Encoder and decoder are LSTMs (or GRUs), the decoder looks back by attention
and gives five quantiles at 5, 10 … 60 s; it corrects a straight line (ridge regression, closed
form) from where the values stand against their own level. Missing values and irregular sampling
are part of what it sees: a mask, the time since the last value, and level and spread of this
very patient, all carried as state in one ONNX file that is stepped for many streams at once,
with the same bits in any batch ([ADR 0023](adr/0023-forecasts-with-carried-state.md)).

Data: the numerics of BIDMC, {records} records of 8 min. **They are of {patients} persons, not of
53**: by the MIMIC II subject in their headers (and by age and sex), records 06 to 09 are of one,
20 to 23 of one, 38 and 39 of one. Five folds by person; what is told of a person comes from
models that never saw them, with {seeds} seed(s) averaged. {patients} persons and seven hours are
little: see the intervals.

What was looked at before: sizes, features and the length of training were chosen on records 01
to 20, and the arm that ships (inverse sigmoid) was named at the start. The straight line came in
after a first measurement over all persons had shown no skill for respiration and SpO2; what it
sees was again chosen on records 01 to 20. Skill on these is told with all others."""

SCHEDULES = """## Scheduled sampling against teacher forcing

With teacher forcing the decoder reads the true value of the step before; in use it reads its own
median. Scheduled sampling (Bengio et al. 2015) leads from the one to the other. All errors here
are free-running, averaged over channels and leads, over the naive forecast's mean; gains are
against teacher forcing with the same seeds, with a 95 % interval over persons. `free-running`
never sees the truth; the arms below it are inverse sigmoid with one thing changed: GRU cells, no
attention, normalisation by patients at large in place of the running one."""

ANOMALIES = """## Anomalies, planted and real

Planted in records of persons left out, once each a record (`training/forecast/planted.py`,
seeded): SpO2 falls by 6 to 12 points (desaturation); SpO2 and pulse tell nonsense for 5 s and
are gone for 30 to 90 s (sensor off); one rate jumps about for 8 to 20 s (artefact); rates move
off by a sixth to a third in two minutes (drift); one rate stands still for 90 to 150 s (flat
line). *Real* is what rules that no detector knows of find in the records: a rate or SpO2 gone or
zero for 5 s, heart and pulse rate apart by 10 bpm for 3 s, SpO2 four points below its median of
two minutes.

All detectors score each second causally and share one rule on how long a channel is gone; the
forecaster also counts standing still (without: *error alone*). Each is put on one scale, and its
limits are set, on persons that neither it nor the test knows. AUPRC is by seconds, with a 95 %
interval over persons; 60 s behind an anomaly count as neither."""

CONFORMAL = """## False alarms asked for and got

Limits are split conformal over persons (`training/forecast/conformal.py`): the lowest limit
whose mean rate over calibration persons is what was asked. Calibration persons are neither
learned from nor tested on. Rates are means over test persons: anomalies that begin in
undisturbed time, an hour, or the share of undisturbed seconds at or above the limit.

What is usual is learned, too: tables say how rarely each part of a score is reached. A person whom
a table has seen hardly exceeds it, the next one does, so each calibration person is scored by
tables of others (`scores_left_out`). Up to version 1.0.0 both were of the same persons, and
the rarer the alarms that were asked for, the more came, up to 2.4 times as many. It was seen in
the rates of test persons, and mended by the rule that nobody is judged by what has learned from
him; no number was chosen by them. The limits are higher now: the forecaster's limit of four an
hour finds fewer drifts, flat lines and artefacts than the old one, which gave more alarms than
were asked for."""

ADAPTIVE = """### Limits that follow the stream

Split conformal holds for persons drawn as those it was calibrated on, on average over them, and for
nobody in particular. Adaptive conformal inference (`inference/adaptive_limit.py`; Gibbs and Candès
2021) moves the limit behind each score, and so holds the share of time at or above it for every
single stream, whatever it does: after `n` scores it is off by at most the range of the scores over
`0.05 n`. It holds no more than that: it counts all time, anomalies too, and what goes on for long
becomes usual. `vigil score --anomaly-share 0.02` asks for it; without it the calibrated limit
stands. Here over all time behind the first minute, of persons left out, the limit starting where
split conformal put it. Seven minutes are few for 1 %: four seconds. Detectors that are not in the
table were not run so (`--parts adaptive` runs the forecaster, too)."""

FEW_SHOT = """## A new patient's first three minutes

Measured on what comes after them, over the naive forecast: with normalisation by patients at
large, with the running one, and each with the decoder's last layer adapted by 20 steps on the
first three minutes (`training/forecast/fewshot.py`; steps and rate were set beforehand). Gains
are against no adapting at all."""

HOW = """## How it is used

    vigil score bidmc/bidmc19n --out scored          # NAME.anomalies.jsonl, NAME.alarms.jsonl
    vigil monitor --numerics ...                     # live, over Kafka: docs/numerics.md
    vigil score bidmc/bidmc19n --out scored --anomaly-share 0.02
    vigil train training/configs/forecast.toml        # runs/forecast/forecast.onnx
    python -m training.forecast.calibrated runs/forecast/forecast.onnx
    python -m training.forecast                       # this page; --seeds, --parts, --page

`[forecast]` of the configuration names `channels`, `fs` and `schedule`; `[architecture]` has
`cell` (lstm, gru), `hidden`, `context` (0: no attention), `steps`, `stride`, `normalisation`.
Any channels of any WFDB record will do; a faster record is averaged down to `fs`. The matrix
profile is written in NumPy (left, exact, z-normalised), not taken from stumpy.

A channel that comes each second is told as gone within seconds. One that comes more seldom is held
to its own habit (`gone_by_habit`), which is known after about two minutes; before, it may be told
as gone (`tests/inference/test_forecast_irregular.py`). All channels of bidmc come each second: what
is measured here does not depend on that."""

SKILL = """## Error against the last value

Skill in percent: one less the ratio of mean absolute errors (rounded to whole units, as a
monitor shows them) to those of the naive forecast, the last value; 95 % interval by bootstrap
over persons. `seasonal` goes on with the period of the last two minutes, `EWMA` with a moving
average, `linear` is a ridge regression on the last minute of all channels, learned on the same
persons as the forecaster."""

PLAIN = """The naive forecast's mean absolute error, and the share of values inside the
forecaster's 5 and 95 % quantiles (90 % is asked for):"""

CARD = """bidmc, {patients} persons, each forecast by models that never saw them; skill is one
less the ratio of absolute errors to those of the naive forecast (the last value), with a 95 %
interval over persons, in percent."""
