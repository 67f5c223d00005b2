"""The clinical evaluation as a section of the report: panels, the words beside them, and the finding."""

import numpy as np

from strokebench.reports.clinical.calibration import recalibrate
from strokebench.reports.clinical.decision import decision_curve, thresholds, treat_all
from strokebench.reports.clinical.fairness import gaps
from strokebench.reports.clinical.figures import draw_decision_curves, draw_forest, draw_instability, draw_reliability
from strokebench.reports.clinical.group_tables import by_group_table, fairness_table, subgroups_table, worst_table
from strokebench.reports.clinical.instability import tested_by_all
from strokebench.reports.clinical.pooled import (
    headline,
    label_of,
    pool,
    ranks_folds_together,
    resample_patients,
    shown_methods,
)
from strokebench.reports.clinical.subgroups import (
    HOSPITAL,
    Grouping,
    Subgroup,
    all_groupings,
    all_subgroups,
    pooled_aucs,
    worst,
)
from strokebench.reports.clinical.tables import (
    balanced_by,
    benefit_table,
    calibration_table,
    instability_table,
    prevalence,
    scores_table,
    thresholds_table,
)
from strokebench.reports.comparison.words import join
from strokebench.reports.results import Results
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.scores import Scores
from strokebench.reports.tables.caption import cohort_title, few_in_words, is_external
from strokebench.reports.tables.section import Panel, Section


def clinical_section(results: Results, title: str) -> Section:
    """Everything that is known by now; pictures and subgroups as soon as one method has a finished seed."""
    scores = pool(results)
    methods = shown_methods(results, scores)
    n = len(scores.y) if scores is not None else 0
    weights = resample_patients(n) if n else np.zeros((0, 0), np.int16)
    aucs = pooled_aucs(scores) if scores is not None else {}
    panels = [
        Panel(
            "clinical_scores",
            scores_table(results, scores, aucs, weights),
            shows="How well the probabilities rank patients (AUC, AUPRC), and how far they lie from what happened "
            "(Brier score).",
            does_not_show="How the method does at another prevalence: AUPRC and Brier scores change with it.",
        ),
        Panel(
            "calibration",
            calibration_table(results, scores),
            shows="Whether a predicted 30 % comes true in 30 of 100 patients.",
            does_not_show="Calibration elsewhere: it must be checked, and often mended, wherever a model is used.",
        ),
        # Only a fit of the event itself chooses a threshold on its validation part.
        *([_thresholds(results)] if results.runs["threshold"].notna().any() else []),
        *([] if is_external(results) else [_instability(results, scores)]),
        Panel(
            "net_benefit",
            benefit_table(results, scores, weights),
            shows="Whether acting on a method's probabilities does more good than acting on everybody or nobody.",
            does_not_show="Which threshold is right, nor what acting would be.",
            in_terminal=False,
        ),
    ]
    found: list[Subgroup] = []
    if scores is not None and methods:
        groupings = all_groupings(results, scores)
        found = all_subgroups(groupings, scores)
        curves = Panel(
            "reliability",
            draw_reliability(results, scores, methods),
            title="Reliability curves",
            shows="Patients in equally large groups by predicted probability, and how many of each group had the "
            "outcome (95 % Wilson interval). On the dashed line prediction and truth agree; below it probabilities are "
            "too high.",
            does_not_show="That a single patient's probability is right: only groups can be checked.",
        )
        decisions = Panel(
            "decision_curves",
            draw_decision_curves(results, scores, methods, weights),
            title="Decision curves",
            shows="Net benefit of acting on patients whose probability of label 1 passes a threshold (band: 95 % "
            "interval over patients). A method is of use where its curve lies above both grey lines. Miscalibration "
            "lowers the curve.",
            does_not_show="What acting means, and which threshold is right: both are the clinician's to say.",
        )
        panels[2:2] = [curves]
        panels += [decisions]
        if (steady := [name for name in methods if len(tested_by_all(scores, name)) > 1]) and not is_external(results):
            panels.append(
                Panel(
                    "instability_picture",
                    draw_instability(results, scores, steady),
                    title="One patient, trained again",
                    shows="Each patient's probability by each seed, against the mean of all seeds: on the dashed line "
                    "chance in training moves nobody. Above: how far two seeds lie apart, mean and 95 % interval.",
                    does_not_show="Whether any of them is right.",
                )
            )
        panels += [*_groups(results, scores, aucs, methods, found), *_fairness(results, scores, methods, groupings)]
    lead = clinical_lead(results, scores, aucs, found)
    # Race is not recorded everywhere.
    if found_none := [name for name in ("age", "sex") if results.groups is None or name not in results.groups]:
        lead += f" No subgroups by {join(found_none)}: no column of that role; name it under `roles:`."
    return Section("clinical", title, cohort_title(results), panels, lead=lead)


def _instability(results: Results, scores: Scores | None) -> Panel:
    return Panel(
        "instability",
        instability_table(results, scores),
        shows="How far what a patient is told hangs on chance in training: two seeds' probabilities of one patient.",
        does_not_show="How far it would hang on another hospital's patients, or on another way of preparing data.",
        in_terminal=False,
    )


def _fairness(results: Results, scores: Scores, methods: list[str], groupings: list[Grouping]) -> list[Panel]:
    raw = pool(results, raw=True)
    found = {name: gaps(raw, scores, name, groupings) for name in methods} if raw else {}
    if not any(found.values()):
        return []
    return [
        Panel(
            "by_group",
            by_group_table(results, found),
            shows="Whom a method finds and spares in each group, and whether the group's probabilities are right.",
            does_not_show="Whether groups differ by more than chance: the gaps between them tell.",
            in_terminal=False,
        ),
        Panel(
            "fairness",
            fairness_table(results, found),
            shows="Whether a group's patients are ranked, found, spared or judged less well than all others.",
            does_not_show="Why, and whether it is just: groups differ in severity, and the data in how they were got.",
            in_terminal=False,
        ),
    ]


def _thresholds(results: Results) -> Panel:
    return Panel(
        "thresholds",
        thresholds_table(results),
        shows="What changes when patients are called from a threshold that the validation part chose, instead of "
        "one half.",
        does_not_show="A threshold for care: that depends on what a missed and a needless treatment cost.",
    )


def clinical_lead(results: Results, scores: Scores | None, aucs: dict[str, Interval], found: list[Subgroup]) -> str:
    """The finding on the method that `headline` chooses, in four or five sentences."""
    if scores is None:
        small = "No hospital that is finished has enough patients of both classes to be judged."
        return small if results.too_small else "No method has finished a seed yet."
    name, why = headline(results, scores)
    label = label_of(results, name)
    auc = aucs[name]
    calibration = recalibrate(scores, name)
    undone = " once the balance of its training is undone" if balanced_by(results) else ""
    tells = "tells patients apart" if auc.low > 0.5 else "does not discriminate: chance alone may do as well"
    # Below the mean over folds of Table 1: differently trained models rank patients together here.
    together = ", a seed's folds ranked together" if ranks_folds_together(results) else ""
    sentences = [f"{label} ({why}) {tells} (AUC {auc.text()}{together}).{few_in_words(results)}"]
    large, slope = calibration.in_the_large, calibration.slope
    if not np.isnan(large.value):
        level = "too low" if large.low > 0 else "too high" if large.high < 0 else "not measurably off"
        sentences.append(f"{label}'s probabilities are {level} on average{undone}.")
    if not np.isnan(slope.value):
        extreme = "too extreme" if slope.high < 1 else "too timid" if slope.low > 1 else "not measurably too extreme"
        sentences.append(
            f"They are {extreme} (slope {slope.value:.2f}, 95 % interval {slope.low:.2f} to {slope.high:.2f})."
        )
    at = thresholds(prevalence(scores))
    # Where everybody is called both are one number but for the last digits.
    gains = decision_curve(scores, name, at).net_benefit - np.maximum(0, treat_all(prevalence(scores), at)) > 1e-9
    if gains.any():
        low, high = 100 * at[gains][0], 100 * at[gains][-1]
        where = f"for {100 * gains.mean():.0f} % of the thresholds looked at, between {low:.0f} % and {high:.0f} %"
        sentences.append(f"Acting on them beats acting on everybody or nobody {where}.")
    else:
        sentences.append("Acting on them beats acting on everybody or nobody at no threshold looked at.")
    if (lowest := worst(found, name)) is not None:
        sentences.append(
            f"Its AUC is lowest in hospital {lowest.name} ({100 * lowest.auc[name].value:.1f}, {lowest.n} patients)."
        )
    return " ".join(sentences)


def _groups(
    results: Results, scores: Scores, overall: dict[str, Interval], methods: list[str], found: list[Subgroup]
) -> list[Panel]:
    if not found:
        return []
    panels = []
    for name, part in (
        ("subgroups", [group for group in found if group.grouping != HOSPITAL]),
        ("hospitals", [group for group in found if group.grouping == HOSPITAL]),
    ):
        if part:
            groupings = list(dict.fromkeys(group.grouping for group in part))
            panels.append(
                Panel(
                    f"{name}_forest",
                    draw_forest(results, scores, methods, part, overall),
                    title=f"AUC by {join(groupings)}",
                    shows="Each group's AUC with its 95 % interval, beside that of all patients.",
                    does_not_show="That groups differ, where their intervals overlap; and nothing on small groups "
                    "(hollow).",
                )
            )
    worst_of = worst_table(results, overall, found)
    if worst_of.rows:
        panels.append(
            Panel(
                "worst_hospital",
                worst_of,
                shows="How bad it gets: the hospital in which each method does worst.",
                does_not_show="A prognosis for that hospital: the lowest of several is low partly by chance.",
                in_terminal=False,
            )
        )
    panels.append(
        Panel(
            "subgroups",
            subgroups_table(results, found, methods, "subgroups"),
            shows="The numbers behind the pictures, with a warning where a group is small.",
            does_not_show="Causes: groups differ in severity, in prevalence and in much else.",
        )
    )
    if len(methods) < len(scores.names):
        panels.append(
            Panel(
                "subgroups_all",
                subgroups_table(results, found, list(scores.names), "subgroups_all"),
                shows="The same for every method.",
                does_not_show="A ranking of methods within a group: too few patients for so many comparisons.",
                in_terminal=False,
            )
        )
    return panels
