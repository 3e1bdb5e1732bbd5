"""What the page of the comparison says beside its figures."""

INTRO = """\
# Mitigation: who gains and who loses

Written by `make mitigation`, which is `python -m training.mitigation
training/configs/mitigation.toml`; do not edit.

A beat classifier can serve one group of patients worse than another. There are ways of training
that promise to help the group that is served worst. This page puts each of them beside plain
training, on the same patients, and shows what it does to *every* group: a method that helps one
group by harming another is not a success. Plain training is what a method must beat."""

READING = """\
How to read it: {n} patients of DS1 of MIT-BIH, each left out in one of {folds} folds and judged by
a model that never saw them; seeds {seeds}. DS2 was not looked at. Every fit sees {sequences:,}
sequences of {beats} beats, a small part of what the shipped model is fitted on: the page compares
methods, it does not say how good one can become. Beats are judged at reference R-peaks, the first
five minutes left out, mapping of de Chazal 2004, counted as EC57 does, gross over a group's
patients, seeds pooled within the patient. VEB are ventricular ectopic beats, SVEB
supraventricular ones; Se is sensitivity, +P positive predictivity, both in percent. Intervals are
95 % percentiles of {resamples:,} draws of patients, all beats of a patient moving together; a
change is paired, both methods judged on the very same draws."""

WORST = """\
## The worst group

The worst group is the one with the lowest F1, looked up anew in each draw of patients. A group of
fewer than {least} patients, or with fewer than {with_beats} who have such beats, is shown below
but never decides. p is for "the worst group's F1 is as with plain training", two-sided, adjusted by
Holm for all methods, kinds of beats and attributes together."""

LEAKAGE = """\
A fresh linear probe learns to tell sex or age band from what the two heads see of a beat, on the
patients that the model learned from, and is tried on those left out: balanced accuracy in
percent, every patient and every group counting the same. If the adversary had done away with the
attribute, the probe would be at chance. Part of what the heads see are 18 fixed features (RR
intervals, fit to the usual beat), which no adversary can change. Below chance is not better
than chance: with so few patients it is the play of chance."""

STARTS = """\
To choose an epoch, or a threshold for each group, some patients must be held back from the fit:
three women and three men in each fold. What these methods change from *their own* start, the last
epoch of that very fit, is told here; in the tables above they are put beside plain training of all
patients, as everything is. Thresholds were fitted for sex alone: of each age band too few patients
are held back. The epoch by the worst age band is left out for the same reason."""

LIMITS = """\
- 22 patients prove little. By the rule of the audit (ten patients with and ten without the
  condition) no group here is large enough for a verdict on fairness. Percentile intervals of so
  few patients are too narrow, those of groups of four most of all: the question answered here is
  only whether a method does something for *these* patients.
- Sex and age are confounded with the arrhythmia itself: a few patients hold most of the S and V
  beats, and belong to one group each. A change in a group is often a change in one patient.
- Fits are short. A method that needs longer training to show its worth (an adversary, above all)
  was not given it.
- The methods were taken as they stand in their papers, with one setting each. None was tuned:
  there is nobody left to tune on who would not be judged, too.
- *Plain, adapted to each patient* knows five labelled minutes of each patient; the others do not.
- Groups are what the headers of MIT-BIH tell: sex and age. Nothing is said of any other group."""

HOW_TO = """\
## In a run of one's own

```toml
[mitigation]
method = "group-dro"          # none, reweight, resample, group-dro, adversary
attribute = "sex"             # sex, age, sex-age, patient
age_bands = [40, 65]          # first years of each band but the youngest
cells = "group"               # or group-class: the beats of each class in a group
select = "worst-group"        # epoch: task, patient-mean, worst-group; needs fit.patience
min_patients = 3              # fewer validation patients than that, and a group does not decide
```

Keys are explained in `training/mitigation/settings.py`. The exported model is of the same kind as
before; weights of groups and the adversary stay behind. *Unknown* is a group like any other, but
nobody's attribute is guessed.

- **Reweighting, resampling**: within each class all groups (or all patients) count, or are drawn,
  the same; classes keep their share (Kamiran and Calders 2012), no beat counts more than
  `max_weight` times.
- **Group DRO**: the weights of groups follow their loss (Sagawa et al. 2020).
- **Adversary**: gradient reversal on what the heads see (Ganin et al. 2016).
- **Worst group**: the mean over a group's patients of each one's mean F1 over the classes they
  have.
- **Adaptation**: `vigil adapt`, see [adaptation](adaptation.md).

Thresholds of each group are *differential treatment*: two people with the same signal are called
differently because of their sex or age. They are never on by themselves. Who wants them must say
so, and who and why; the run logs it, writes `differential-treatment.json`, and a model for each
group beside the common one. Nothing in serving chooses among these: streams carry no demographics.

```toml
[mitigation.thresholds]
allow = true
asked_by = "name and office"
why = "what for, and on whose decision"
metric = "se"                 # or fpr
```"""
