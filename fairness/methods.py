"""How an audit was done, in sentences."""

from __future__ import annotations

from fairness.bootstrap import rounds_for
from fairness.cohort import Cohort
from fairness.declaration import Declaration
from fairness.ranking import MOST_PATIENTS


def methods(cohort: Cohort, declaration: Declaration) -> tuple[str, ...]:
    """Write how the figures, intervals and verdicts were made.

    Parameters
    ----------
    cohort
        Who was audited.
    declaration
        What was declared.
    """
    seed = f"Everything that is drawn comes from the seed {declaration.seed}."
    return (
        *_inference(declaration),
        *_draws(cohort, declaration),
        *_metrics(cohort, declaration),
        seed,
    )


def _inference(declaration: Declaration) -> list[str]:
    level, alpha = f"{100 * declaration.confidence:g} %", f"{100 * declaration.alpha:g} %"
    return [
        (
            "Patients are the unit: all units of a patient are found or missed together, so "
            "intervals, tests and draws treat each patient as one observation. Figures by "
            "group are over all of the group's units; the mean over patients, each counting "
            "the same, is given beside them."
        ),
        (
            f"{level} intervals of shares weigh every correlation within patients that the "
            "counts allow (a beta-binomial model) and widen towards the patient-level "
            "jackknife where that is larger; where no patient has more than one unit they are "
            "Wilson's. Intervals of rates per hour do the same with a gamma-Poisson model."
        ),
        (
            "A difference's interval recovers the variance of each side from that side's own "
            "interval (Zou and Donner, 2008), so that it keeps their skewness; groups share "
            "no patients."
        ),
        (
            "Pass: two one-sided tests show the difference to lie within the margin, each at "
            f"{alpha}. Fail: the hypothesis that it lies within the margin is rejected after "
            "Holm's correction over all primary comparisons, so that the chance of any false "
            f"fail is at most {alpha}. Otherwise the evidence is insufficient. All must pass "
            "for the audit to pass. Explored comparisons are corrected by Benjamini and "
            "Hochberg and never count."
        ),
        (
            f"A group gets a verdict from {declaration.min_patients} patients on, "
            f"{declaration.min_with} of them with the condition where the metric is about "
            f"those, {declaration.min_without} with units without it where it counts such "
            "units; so must its reference."
        ),
    ]


def _draws(cohort: Cohort, declaration: Declaration) -> list[str]:
    rounds = rounds_for(len(cohort.patients), declaration.rounds)
    return [
        (
            f"The largest gap stands beside {declaration.rounds} permutations of the groups "
            "over the patients: it is above 0 by chance alone. Adjusted differences are "
            "averaged over strata by Mantel and Haenszel's weights with the standard error of "
            f"{rounds} bootstrap draws of patients within groups; so are the "
            "intervals of equal-opportunity, equalized-odds and demographic-parity "
            "differences."
        ),
        (
            "Pooled figures draw small groups towards the mean of all, by a normal "
            "hierarchical model whose spread between groups is averaged over."
        ),
        (
            "Patients needed: if the true difference is the one that was seen and group and "
            "reference grow alike, so many patients in the group give a verdict with "
            f"{declaration.power:.0%} probability."
        ),
    ]


def _metrics(cohort: Cohort, declaration: Declaration) -> list[str]:
    names = {metric.name for metric in declaration.metrics}
    said = []
    if names & {"auroc", "auprc", "brier", "mean_delay_s"}:
        said.append(
            "AUROC, AUPRC, Brier score and mean time to alarm have Student's t intervals on "
            "the log-odds or log scale, from leaving each patient out (AUPRC: to first "
            "order), with degrees of freedom from how evenly patients contribute."
        )
    if "auroc" in names:
        said.append(
            "AUROC's interval lies about the pairs of units of two patients, since pairs within "
            "one are easier and few patients have a larger share of them; the figure shown is "
            "over all pairs."
        )
    if names & {"ece", "calibration_intercept", "calibration_slope"}:
        said.append(
            "The calibration error is over ten bins of equal width; comparisons use it less "
            "what chance gives it, which grows as groups shrink. Calibration intercept (slope "
            "held at 1) and slope have intervals from a sandwich variance over patients."
        )
    if "median_delay_s" in names:
        said.append("The median time to alarm has Woodruff's interval, patients being the unit.")
    linear = names & {"auprc", "calibration_intercept", "calibration_slope", "median_delay_s"}
    if linear:
        said.append(
            f"Permutations and draws of {', '.join(sorted(linear))} are exact to first order; "
            "all others are exact."
        )
    if "auroc" in names and len(cohort.patients) > MOST_PATIENTS:
        said.append(f"With more than {MOST_PATIENTS} patients AUROC has no permutations.")
    return said
