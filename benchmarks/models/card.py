"""The model's card: what it was made of, for what, how well it does, and what it is not for."""

from collections.abc import Iterator, Sequence

from strokebench.benchmarks.models.description import Description, TableInput
from strokebench.errors import named
from strokebench.reports.results import Results

CARD_FILE = "card.md"
FEW = 5
"""Patients below which a category may tell who they are, as statistical offices have it."""


def write_card(model: Description, found: Sequence[Results], has_marks: bool) -> str:
    """The card as Markdown.

    Args:
        found: finished runs of this method on this cohort, one a protocol.
        has_marks: whether the folder can recognise its patients.
    """
    parts = (_head(model), _made_of(model), _needs(model), _how_well(model, found), _not_for(model, has_marks))
    return "\n".join(line for part in parts for line in (*part, ""))


def _head(model: Description) -> Iterator[str]:
    yield f"# {model.label}, predicting `{model.outcome}`"
    yield ""
    if model.origin.synthetic:
        yield "**Made of invented patients: it says nothing about real ones.**"
        yield ""
    if model.quick:
        yield "**Fitted as a quick check (`--quick`): no number that it gives is a result.**"
        yield ""
    if model.levels == 2:
        yield f"It gives the probability that `{model.outcome}` holds."
    else:
        yield f"It gives the probabilities of the {model.levels} levels of `{model.outcome}`."
    yield f"{model.probabilities} Made on {model.created[:10]} by strokebench {model.strokebench}."


def _made_of(model: Description) -> Iterator[str]:
    origin, n = model.origin, len(model.members)
    yield "## What it was made of"
    yield ""
    shares = ", ".join(
        f"{100 * share:.1f} % {model.endpoint.describe(label)}" for label, share in enumerate(origin.shares)
    )
    yield f"- {origin.title}: {origin.part}, {origin.patients} patients ({shares})."
    if origin.without_outcome:
        yield f"- {origin.without_outcome} patients whose outcome is not known were left out."
    if origin.hospitals:
        yield f"- From {origin.hospitals} hospital{'s' * (origin.hospitals > 1)}."
    yield f"- {n} fit{'s, whose mean is given' if n > 1 else ''}; balance of the training part: {model.balance}."
    for member in model.members:
        yield (
            f"- Seed {member.seed}: {member.training} patients trained on, and {member.validation} drawn from the same"
            f" for early stopping and selection; there it scores {member.score:.3f} of 1, which may flatter it."
        )
    yield "- No patient was kept apart for testing."


def _needs(model: Description) -> Iterator[str]:
    yield "## What it needs of a patient"
    yield ""
    for modality, encoding in model.encodings.items():
        untrained = "" if encoding.trained else ", **whose weights have learnt from nothing**"
        yield f"- {modality}, encoded by {encoding.name}{untrained}"
    if model.prompts:
        yield f"- answers to the prompts {', '.join(model.prompts)}"
    yield from (f"- {role}, by a column that has this role" for role in model.roles)
    if model.inputs:
        yield ""
        yield "| Column | Kind | Unit | Range or categories | Missing in training |"
        yield "|---|---|---|---|---|"
    for name, column in model.inputs.items():
        yield f"| {name} | {column.kind} | {column.unit} | {_range(column)} | {100 * column.missing:.0f} % |"


def _range(column: TableInput) -> str:
    if column.categories:
        return ", ".join(column.categories)
    if column.low is not None or column.high is not None:
        return " to ".join("any" if limit is None else f"{limit:g}" for limit in (column.low, column.high))
    return "usually {:g} to {:g}".format(*column.usual) if column.usual else ""


def _how_well(model: Description, found: Sequence[Results]) -> Iterator[str]:
    yield "## How well it does"
    yield ""
    for results in found:
        metrics = results.metrics
        # Other sizes are another model.
        own = metrics[(metrics["method"] == model.method) & (metrics["variant"].fillna("") == "")]
        said = [
            f"{metric.name} {metric.scale * own[name].mean():.4g} (SD {metric.scale * own[name].std(ddof=0):.2g})"
            f"{metric.unit and ' ' + metric.unit}"
            for name, metric in results.judged_by.items()
        ]
        facts = results.provenance
        yield f"- {facts['protocol']}, {len(own)} runs on {facts['n_patients']} patients: {', '.join(said)}."
    if found:
        yield ""
        yield "These runs judge the method, fitted anew without the patients that it was tested on, not this model."
    else:
        yield "Not known: the suite has no finished runs of this method with these settings on this cohort."
    yield "No other hospital has tested it, unless a validation says so."


def _not_for(model: Description, has_marks: bool) -> Iterator[str]:
    yield "## What it is not for"
    yield ""
    yield "- Deciding on a patient's care: it is no medical device."
    yield "- Patients unlike those above, or another hospital's, before it was validated on them."
    yield "- The patients that it was made of: on them it looks better than it is."
    if model.method == "svm":
        yield "- Being published without thought: its support vectors are rows of patients' tables, standardised."
    known = {name: (1 - one.missing) * model.origin.patients for name, one in model.table.items()}
    rarest = {name: known[name] * min(one.categories.values(), default=1) for name, one in model.table.items()}
    if few := [name for name, one in model.table.items() if one.categories and round(rarest[name]) < FEW]:
        yield f"- Being published without thought: it names categories of fewer than {FEW} patients ({named(few)})."
    if has_marks:
        yield (
            "- Being published without thought: whoever has the folder and knows a patient's values can tell"
            " whether the patient was among them (`seen.json`; `--no-marks` leaves it out)."
        )
