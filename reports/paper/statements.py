"""What the paper says in words (the highest, the lowest, about so much), and whether it is so here."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from strokebench.reports.paper.compare import PAPER, our_numbers
from strokebench.reports.paper.numbers import (
    MULTIMODAL,
    PaperSetting,
    grid_settings,
    is_papers_outcome,
    methods_of,
    paper_number,
    paper_numbers,
)
from strokebench.reports.results import SETTING, Results
from strokebench.tasks.paper_setup import ANGLE_SEED, CHOSEN, PROPOSED

SAME, OTHER = "the same here", "otherwise here"
NOT_RUN, NOT_IN_TEXT, NOT_COMPARABLE = "no finished run", "not in our text", "not comparable"


@dataclass(frozen=True)
class Statement:
    """One statement: what about, the paper's words or number, ours, and `SAME`, `OTHER` or why there is neither."""

    key: str
    group: str
    about: str
    paper: str
    ours: str
    verdict: str


def statements(results: Results) -> list[Statement]:
    """All of them, in the order of the paper's sections; orders under another outcome than its own say nothing."""
    known = _Known(results)
    found = [*_cohort(results), *_table1(known), *_leads(known), *_angle(results), *_figures(known)]
    if is_papers_outcome(results):
        return found
    return [replace(each, verdict=NOT_COMPARABLE) if each.verdict.startswith((SAME, OTHER)) else each for each in found]


class _Known:
    """Our means by setting."""

    def __init__(self, results: Results) -> None:
        self.numbers = our_numbers(results)
        self.labels = {method.name: method.label for method in results.methods}

    def mean(self, setting: PaperSetting, metric: str) -> float | None:
        number = self.numbers.get((setting.key, metric))
        return None if number is None else number.mean

    def means(self, settings: Sequence[PaperSetting], metric: str) -> list[float] | None:
        """One a setting; None unless all are there."""
        found = [self.mean(setting, metric) for setting in settings]
        known = [value for value in found if value is not None]
        return known if len(known) == len(found) else None


def _cohort(results: Results) -> Iterator[Statement]:
    group = "Patients (section 4.1)"
    facts, predictions = results.provenance, results.predictions
    n, positive = facts.get("n_patients"), facts.get("n_positive")
    patients = predictions.assign(y=results.endpoint.events(predictions["y"]))
    tested = patients.drop_duplicates(["seed", "fold", "patient_id"]).groupby(["seed", "fold"])["y"]
    total = paper_number("sec4.1", "n_total", "n_total")
    share = paper_number("sec4.1", "label0_fraction", "label0_fraction")
    if total and n is not None:
        yield Statement("n_total", group, "Patients", f"{total.mean:.0f}", str(n), "another cohort")
    if share and n and positive is not None:
        ours = f"{100 * (n - positive) / n:.2f} %"
        yield Statement("label0", group, "Label 0", f"{share.mean:.2f} %", ours, "another cohort")
    if not predictions.empty:
        size, positives = tested.size().mean(), tested.sum().mean()
        yield Statement(
            "test_part",
            group,
            "Test part, positives and negatives",
            f"{PAPER.positives} and {PAPER.negatives} (by the audit)",
            f"{positives:.0f} and {size - positives:.0f}",
            "another cohort",
        )


def _table1(known: _Known) -> Iterator[Statement]:
    group = "Table 1, from the text (section 4.3)"
    traditional, single_deep, multimodal = methods_of("Traditional"), methods_of("Deep"), methods_of(*MULTIMODAL)
    everyone = (*traditional, *single_deep, *multimodal)
    orders: tuple[tuple[str, Sequence[str], str, str, Callable[[Sequence[float]], float]], ...] = (
        ("xgboost", everyone, "Specificity", "highest", max),
        ("xgboost", everyone, "Recall", "lowest", min),
        ("fusion", multimodal, "Recall", "highest of the multimodal methods", max),
    )
    for method, among, metric, claim, best in orders:
        ours, verdict = "", NOT_RUN
        if (means := known.means([PaperSetting(other) for other in among], metric)) is not None:
            value = means[among.index(method)]
            rank = 1 + sum(other > value for other in means)
            ours = f"{100 * value:.2f}, number {rank} of {len(means)} from the top"
            # Rows on one modality may have been made in another way.
            verdict = NOT_COMPARABLE if among is everyone else SAME if value == best(means) else OTHER
        about = f"{metric} of {known.labels.get(method, method)}"
        yield Statement(f"table1/{method}/{metric}", group, about, claim, ours, verdict)
    bounds: tuple[tuple[str, Sequence[str], str, Callable[[Sequence[float]], float], str, str], ...] = (
        ("traditional_best", traditional, "F1", max, "Best traditional", ""),
        ("traditional_worst", traditional, "F1", min, "Worst traditional", ""),
        ("best_single_modal_deep", single_deep, "Recall", max, "Best deep with one modality", "below "),
        ("best_single_modal_deep", single_deep, "F1", max, "Best deep with one modality", "about "),
    )
    for label, among, metric, pick, about, sign in bounds:
        number = paper_number("table1_prose", label, metric)
        means = known.means([PaperSetting(method) for method in among], metric)
        # The text gives distances from VDAFM besides.
        yield Statement(
            f"table1/{label}/{metric}",
            group,
            f"{about}: {metric}",
            f"{sign}{number.mean:.2f}" if number else "",
            f"{100 * pick(means):.2f}" if means else "",
            NOT_COMPARABLE if means else NOT_RUN,
        )


def _leads(known: _Known) -> Iterator[Statement]:
    for metric in ("AUC", "F1", "Precision"):
        lead = paper_number("sec4.3", "vdafm-sparsemm", metric)
        means = known.means([PaperSetting(PROPOSED), PaperSetting("sparsemm")], metric)
        difference = None if means is None else 100 * (means[0] - means[1])
        yield Statement(
            f"lead/{metric}",
            "VDAFM's lead over SparseMM (section 4.3)",
            metric,
            f"{lead.mean:+.2f}" if lead else "",
            "" if difference is None else f"{difference:+.2f}",
            NOT_RUN if difference is None else (SAME if difference > 0 else OTHER) + " (who leads)",
        )


def _angle(results: Results) -> Iterator[Statement]:
    group, about = "Angle between image and text (section 4.3)", f"Decrease by joint encoding, seed {ANGLE_SEED}"
    facts = results.patient_facts
    ours = ""
    if facts is not None and {"angle_before", "angle_after"} <= set(facts):
        default = (facts[list(SETTING)] == list(PaperSetting(PROPOSED).key)).all(axis=1)
        chosen = facts[default & (facts["seed"] == ANGLE_SEED)]
        decrease = (chosen["angle_before"] - chosen["angle_after"]).dropna()
        ours = f"{decrease.mean():.1f} degrees" if len(decrease) else ""
    yield Statement("angle", group, about, "a decrease", ours, NOT_IN_TEXT if ours else NOT_RUN)


def _figures(known: _Known) -> Iterator[Statement]:
    searched = (
        ("fig4", "Sizes 512:256 (figure 4)", grid_settings("figure4"), ("AUC", "ACC", "F1", "Recall")),
        ("dropout", f"Dropout {CHOSEN['dropout']:g} (section 4.5)", grid_settings("dropout"), ("AUC",)),
    )
    for key, group, settings, metrics in searched:
        chosen = settings.index(PaperSetting(PROPOSED))
        for metric in metrics:
            means = known.means(settings, metric)
            rank = None if means is None else 1 + sum(other > means[chosen] for other in means)
            ours = "" if rank is None else f"number {rank} of {len(settings)}"
            seen = NOT_RUN if rank is None else SAME if rank == 1 else OTHER
            yield Statement(f"{key}/{metric}", group, metric, f"highest of {len(settings)}", ours, seen)
    note = paper_numbers().query("source == 'fig5' and row == 'xinhua'")
    group = "Leaving a hospital out (figure 5)"
    yield Statement(
        "fig5", group, "AUC and ACC", "VDAFM leads in each hospital", "see the experiment figure5", NOT_COMPARABLE
    )
    if len(note):
        counts = str(note["mean"].iloc[0]).replace(":", " and ")
        yield Statement("fig5/counts", group, "Negatives and positives of one hospital", counts, "", NOT_COMPARABLE)
