"""How much is lost elsewhere? Methods made of one cohort and judged on another, beside their cross-validation."""

from collections.abc import Sequence
from dataclasses import dataclass

from strokebench.reports.clinical.calibration import recalibrate
from strokebench.reports.clinical.pooled import ordered, pool
from strokebench.reports.results import Results
from strokebench.reports.statistics.headline import Headline
from strokebench.reports.statistics.intervals import UNDEFINED, Interval, independent_difference
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.section import Panel, Section
from strokebench.reports.tables.table import Cell, Row, Table, text_columns


@dataclass(frozen=True)
class Direction:
    """Methods made of one cohort and tested on another.

    Args:
        made: their cross-validation on the cohort that they were made of.
        tested: of protocol `external`. there: the cross-validation of the same methods on the tested cohort.
        left_out: patients of the tested cohort who are in no number, for a model was made of them.
    """

    made: Results
    tested: Results
    there: Results
    left_out: int


@dataclass(frozen=True)
class Loss:
    """One method in one direction: AUC cross-validated where it was made, elsewhere, and cross-validated there."""

    label: str
    made: Interval
    tested: Interval
    there: Interval
    slope: Interval

    @property
    def lost(self) -> Interval:
        """Elsewhere minus where it was made: other patients, so both intervals count."""
        return independent_difference(self.tested, self.made)


def losses(direction: Direction) -> list[Loss]:
    """Every method that was tested, by family."""
    scores = pool(direction.tested)
    assert scores is not None
    made, tested, there = (_aucs(results) for results in (direction.made, direction.tested, direction.there))
    found = []
    for setting in ordered(direction.tested):
        method = setting.method.name
        slope = recalibrate(scores, setting.name).slope
        at = [aucs.get(method, UNDEFINED) for aucs in (made, tested, there)]
        found.append(Loss(setting.method.label, at[0], at[1], at[2], slope))
    return found


def _aucs(results: Results) -> dict[str, Interval]:
    """Method -> AUC as every table has it, of the methods with a finished run."""
    headline = Headline(results)
    names = {setting.method.name: name for name, setting in results.settings.items() if setting.own}
    return {method: headline.auc(name) for method, name in names.items() if name in headline.names}


def external_section(directions: Sequence[Direction]) -> Section:
    """Both directions in one table."""
    found = [losses(direction) for direction in directions]
    cohorts = " and ".join(dict.fromkeys(words.cohort_title(direction.made) for direction in directions))
    panel = Panel(
        "external",
        _table(directions, found, cohorts),
        shows="What methods reach on patients of another cohort, and how far that is from what cross-validation on "
        "their own patients promised.",
        does_not_show="Whether the place, the patients or chance made a difference; nor that a loss that is not shown "
        "is none.",
    )
    return Section("external", "External: how much is lost elsewhere", cohorts, [panel], _lead(directions, found))


def _lead(directions: Sequence[Direction], found: Sequence[Sequence[Loss]]) -> str:
    sentences = []
    for direction, parts in zip(directions, found, strict=True):
        worse = [one.label for one in parts if one.lost.high < 0]
        where = f"From {words.cohort_title(direction.made)} to {words.cohort_title(direction.tested)}"
        shown = f"a loss of AUC is shown for {', '.join(worse)}" if worse else "no loss of AUC is shown"
        sentences.append(f"{where} {shown} (of {len(parts)} method{'s' * (len(parts) > 1)}).")
    return " ".join(sentences)


def _table(directions: Sequence[Direction], found: Sequence[Sequence[Loss]], cohorts: str) -> Table:
    rows = []
    for number, (direction, parts) in enumerate(zip(directions, found, strict=True)):
        tested = direction.tested.predictions["patient_id"].nunique()
        made, group = direction.made.provenance["n_patients"], f"Made of {words.cohort_title(direction.made)}"
        group += f" ({made} patients), tested on {words.cohort_title(direction.tested)} ({tested})"
        group += f"; {direction.left_out} of whom a model was made are left out" if direction.left_out else ""
        for one in parts:
            cells = {
                "made": one.made.text(),
                "tested": one.tested.text(),
                "lost": one.lost.text(signed=True),
                "there": one.there.text(),
                "slope": one.slope.text(1, 2),
            }
            texts = {key: Cell(text=text) for key, text in cells.items()}
            rows.append(Row(f"{number}/{one.label}", one.label, group, texts))
    return Table(
        name="external",
        title="External: AUC where methods were made, and elsewhere",
        cohort=cohorts,
        caption=f"Outcome {words.outcome_title(directions[0].made)}. Protocol external: "
        f"{words.PROTOCOLS[words.EXTERNAL]}; beside it protocol cv5 on either cohort. AUC in percent.",
        columns=text_columns(
            made="Cross-validated", tested="Elsewhere", lost="Difference", there="Made there", slope="Slope elsewhere"
        ),
        rows=rows,
        notes=[
            "Cross-validated: on the cohort that the model was made of. Made there: the same method cross-validated on "
            "the tested cohort, what patients of that place would have given. Difference: elsewhere minus "
            "cross-validated; these are other patients, so its interval joins both (Zou and Donner 2008). A loss is "
            "called shown where this lies below 0, each method by itself: of many some do by chance. The interval "
            "elsewhere takes the model as it is.",
            "Slope elsewhere: of logistic recalibration; below 1 probabilities are too extreme.",
        ],
        facts=words.facts(directions[0].tested),
        counts_runs=False,
    )
