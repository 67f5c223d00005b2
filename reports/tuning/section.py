"""What a search for hyper-parameters found: its best trials beside the default, and what seemed to matter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from strokebench.errors import counted
from strokebench.reports.summary import cell_of
from strokebench.reports.tables.section import Panel, Section
from strokebench.reports.tables.style import usual_look
from strokebench.reports.tables.table import Cell, Column, Kind, Row, Table, mark_best
from strokebench.reports.tuning.figures import draw_importance, draw_parallel
from strokebench.reports.tuning.records import TrialRecord

SHOWN = 10
"""So many of the best trials are listed."""


@dataclass(frozen=True)
class Tuning:
    """A study, for the report.

    Args:
        name: of the section, `tune_vdafm`. label: the method's name in tables.
        cohort: title, which says that it is synthetic. outcome, protocol: as everywhere.
        folds: folds a complete trial has.
        importances: share of the values' variance by parameter; empty where too few trials are finished.
        nested: each fold's choice was made without its test patients.
        provenance: of the study. metric: what the values are, `AUC` or `c`.
    """

    name: str
    label: str
    cohort: str
    outcome: str
    protocol: str
    study: str
    folds: int
    trials: Sequence[TrialRecord]
    importances: Mapping[str, float]
    nested: bool
    provenance: Mapping[str, Any] = field(default_factory=dict)
    metric: str = "AUC"

    @property
    def setting(self) -> str:
        """Cohort, outcome and protocol in one line."""
        return f"{self.cohort}, outcome {self.outcome}, protocol {self.protocol}"


def best_trial(trials: Sequence[TrialRecord]) -> TrialRecord | None:
    """The complete trial of the highest value, the earliest among equals."""
    return max((trial for trial in trials if trial.complete), key=lambda t: (t.value, -t.number), default=None)


@usual_look()
def tuning_section(tuning: Tuning) -> Section:
    """The section of the report: the best trials, all trials, and the parameters' importance."""
    name = tuning.name
    panels = [
        Panel(
            f"{name}_table",
            tuning_table(tuning),
            shows=f"The best settings by their mean {tuning.metric} on validation patients, beside the default.",
            does_not_show="How well they do on patients who had no part in choosing: run an experiment with --params.",
        )
    ]
    drawn = [trial for trial in tuning.trials if trial.complete and trial.values]
    outside = next((trial.value for trial in tuning.trials if trial.complete and not trial.values), None)
    if len(drawn) > 1:
        panels.append(
            Panel(
                f"{name}_parallel",
                draw_parallel(drawn, tuning.setting, tuning.metric, outside),
                title=f"All complete trials of {tuning.label}",
                shows="Each line is a trial; it crosses every axis at the value tried and ends at its "
                f"{tuning.metric}. The best is thick, the default dashed.",
                does_not_show="Values that were never tried together; search visits good regions more often.",
            )
        )
    if tuning.importances:
        panels.append(
            Panel(
                f"{name}_importance",
                draw_importance(tuning.importances, tuning.setting),
                title=f"Which hyper-parameters of {tuning.label} mattered",
                shows="The share of the differences between trials that goes with each hyper-parameter.",
                does_not_show="Effects: with few trials, or where all do alike, these shares are mostly noise.",
            )
        )
    return Section(
        name,
        f"Tuning of {tuning.label}",
        tuning.cohort,
        panels,
        _lead(tuning),
        topic="tuning",
        provenance=tuning.provenance,
    )


def tuning_table(tuning: Tuning) -> Table:
    """The best complete trials, and the default wherever it stands."""
    complete = sorted((t for t in tuning.trials if t.complete), key=lambda t: (-(t.value or 0), t.number))
    listed = complete[:SHOWN] + [trial for trial in complete[SHOWN:] if trial.default]
    columns = [Column("AUC", f"Validation {tuning.metric}"), Column("trial", "Trial", Kind.TEXT)]
    rows = [
        Row(
            key=str(trial.number),
            label=trial.label,
            group=tuning.label,
            cells={
                "AUC": replace(cell_of([v for v in trial.folds if v is not None]), value=trial.value),
                "trial": Cell(text=str(trial.number)),
            },
            done=len(trial.folds),
            planned=tuning.folds,
        )
        for trial in listed
    ]
    states = {state: sum(trial.state == state for trial in tuning.trials) for state in ("complete", "pruned", "fail")}
    return Table(
        name=f"{tuning.name}_table",
        title=f"Tuning of {tuning.label}",
        cohort=tuning.cohort,
        caption=(
            f"Outcome {tuning.outcome}, protocol {tuning.protocol}. Mean (population standard deviation) of the "
            f"{tuning.metric} on validation patients over {tuning.folds} folds, in percent; test patients had no part "
            "in it. "
            f"{counted(states['complete'], 'trial')} complete, {states['pruned']} stopped early, "
            f"{states['fail']} failed; the best {SHOWN} and the default are shown."
        ),
        columns=columns,
        rows=mark_best(rows, columns),
        notes=[
            "The best of many trials looks better than it is: only patients who chose nothing can say how good it is.",
            f"Study {tuning.study}.",
        ],
        facts={"cohort": tuning.cohort, "outcome": tuning.outcome, "protocol": tuning.protocol},
        head="Setting",
    )


def _lead(tuning: Tuning) -> str:
    best = best_trial(tuning.trials)
    if best is None or best.value is None:
        return f"{tuning.label}: no trial is complete yet."
    default = next((trial for trial in tuning.trials if trial.default and trial.complete), None)
    if best.default:
        finding = (
            f"no trial of {len(tuning.trials)} beats the default, whose mean validation {tuning.metric} is "
            f"{100 * best.value:.2f}."
        )
    else:
        finding = f"best mean validation {tuning.metric} {100 * best.value:.2f} with {best.label} (trial {best.number})"
        finding += f"; the default has {100 * default.value:.2f}." if default and default.value is not None else "."
    nested = (
        "Each fold's own best trial was chosen without its test patients."
        if tuning.nested
        else "Each fold's own best trial is chosen on its validation patients; which trials there were to choose from "
        "was steered by all folds."
    )
    return f"{tuning.label}: {finding} {nested}"
