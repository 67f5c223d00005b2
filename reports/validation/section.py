"""A validation as a section: the models, how they do on these patients, what mends them, and who the patients are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from strokebench.reports.clinical.pooled import label_of, ordered, pool
from strokebench.reports.clinical.sections import clinical_section
from strokebench.reports.comparison.compare import compare
from strokebench.reports.comparison.section import comparison_section
from strokebench.reports.grades.section import calibration_panels, ranking_panels
from strokebench.reports.results import Results
from strokebench.reports.table1.table import table1
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.section import Panel, Section
from strokebench.reports.tables.style import usual_look
from strokebench.reports.tables.table import Cell, Row, Table, text_columns
from strokebench.reports.validation.case_mix import Population, case_mix_table
from strokebench.reports.validation.updating import updating_table


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a validated model.

    Args:
        made_of: the patients that it was made of.
        balance: what became of the balance of its training, in words.
        seen: how patients were recognised as its own, by content -> how many were.
        untold: of how many that cannot be told.
        notes: what of the cohort was converted, left unknown or is unlike its own patients.
    """

    made_of: Population
    balance: str
    seen: Mapping[str, int]
    untold: int
    notes: Sequence[str]


@usual_look()
def validation_section(
    results: Results, facts: Mapping[str, ModelFacts], here: Population, left_out: int = 0
) -> Section:
    """Everything that a validation tells; of grades how well each model orders them, and its calibration at every cut.

    Models of grades are not updated: the recalibration that is known here is of one event's probability.

    Args:
        results: of protocol `external`, a setting a model. facts: by name of the setting.
        here: these patients, of the columns that any model reads.
        left_out: patients of the cohort who are in no number, for a model was made of them.
    """
    title = "Validation: models on patients of another origin"
    judged = clinical_section(results, title) if results.endpoint.binary else _graded(results, title)
    origins: dict[str, Population] = {}
    for made_of in (model.made_of for model in facts.values()):
        known = origins.setdefault(made_of.said, made_of)
        origins[made_of.said] = replace(known, table={**known.table, **made_of.table})
    own = [
        Panel(
            "validated_models",
            _models_table(results, facts),
            shows="What each model was made of, and what of these patients did not fit it.",
            does_not_show="Patients whom a model saw under other values: they are recognised by content alone.",
        ),
        Panel(
            "case_mix",
            case_mix_table(results, list(origins.values()), here),
            shows="How these patients differ from those that the models were made of.",
            does_not_show="Whether a difference explains how well a model does; nor what no model reads.",
            in_terminal=False,
        ),
    ]
    scores = pool(results) if results.endpoint.binary else None
    if scores is not None:
        own.append(
            Panel(
                "updating",
                updating_table(results, scores),
                shows="What a few patients of this place mend: average and spread of the probabilities.",
                does_not_show="How an updated model does at a third place.",
            )
        )
    against = comparison_section(results, compare(results), "").panels if scores is not None and len(facts) > 1 else []
    panels = [own[0], *judged.panels, *against, *own[1:]]
    return replace(
        judged,
        name="validation",
        panels=panels,
        lead=_lead(results, left_out, judged.lead),
        warnings=_warnings(results, facts),
    )


def _graded(results: Results, title: str) -> Section:
    table = table1(results)
    ranked = Panel(
        "graded",
        replace(table, name="graded", title="Grades, predicted by each model"),
        shows="How well each model orders patients by their grade, and how far its grades lie from those that came.",
        does_not_show="Which differences are real.",
    )
    panels = [ranked, *ranking_panels(results), *calibration_panels(results)]
    return Section("validation", title, words.cohort_title(results), panels)


def _lead(results: Results, left_out: int, judged: str) -> str:
    n = results.predictions["patient_id"].nunique()
    models = len(results.settings)
    seen = f"; {left_out} of whom a model was made are left out" if left_out else ""
    return (
        f"{models} model{'s' * (models > 1)} on {n} patients of {words.cohort_title(results)}{seen}. {judged}".strip()
    )


def _warnings(results: Results, facts: Mapping[str, ModelFacts]) -> list[str]:
    return [
        f"{label_of(results, name)} was made of {sum(model.seen.values())} of these patients (recognised by "
        f"{', '.join(f'{how}: {n}' for how, n in model.seen.items())}), which flatters it; "
        "--without-seen leaves them out."
        for name, model in facts.items()
        if model.seen
    ] + [
        f"Whether {label_of(results, name)} was made of {model.untold} of these patients cannot be told (it keeps no "
        "marks, or reads too little of them); they are in its numbers."
        for name, model in facts.items()
        if model.untold
    ]


def _seen(model: ModelFacts) -> str:
    if not model.untold:
        return f"{sum(model.seen.values())}"
    return f"{sum(model.seen.values())}; {model.untold} cannot be told"


def _models_table(results: Results, facts: Mapping[str, ModelFacts]) -> Table:
    rows, binary = [], results.endpoint.binary
    for setting in ordered(results):
        model = facts[setting.name]
        shares = model.made_of.shares
        cells = {
            "patients": f"{model.made_of.patients}",
            "outcome": f"{100 * shares[-1]:.1f}" if binary else " / ".join(f"{100 * share:.0f}" for share in shares),
            "seen": _seen(model),
            "made_of": f"{model.made_of.said}; {model.balance}",
            "notes": "; ".join(model.notes) or "nothing",
        }
        texts = {key: Cell(text=text) for key, text in cells.items()}
        rows.append(Row(setting.name, setting.label, setting.method.family, texts))
    columns = text_columns(
        patients="Patients",
        outcome="Outcome, %" if binary else "Each grade, %",
        seen="Seen here",
        made_of="Made of",
        notes="Remarks",
    )
    caption = f"{words.outcome_in_words(results)} Patients and outcome: of those that the model was made of."
    notes = [
        "Seen here: patients of this validation whom the model was made of, recognised by content, not by id; of "
        "some that cannot be told where the model keeps no marks or reads little of a patient. Remarks: "
        "what was read under another name or unit, is unknown here, or lies outside what its own patients had."
    ]
    return results_table(
        results, "validated_models", "The models", columns, rows, caption, notes, head="Model", counts_runs=False
    )
