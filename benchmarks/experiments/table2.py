"""Table 2 of the paper: every subset of the modalities, by zeroing the others (section 4.4)."""

from collections.abc import Collection, Sequence
from itertools import chain
from pathlib import Path

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods, uses
from strokebench.reports.ablation.table import Entry
from strokebench.reports.results import Results
from strokebench.tasks.conditions import COMPLETE, Condition, When, all_subsets, by_sequence
from strokebench.tasks.inputs import in_order, in_words
from strokebench.tasks.paper_setup import PAPER_ORDER, PROPOSED


@experiment
class Table2(Experiment):
    """Two tables: `table2` trains each subset anew (the paper's way), `table2_test` takes away at test time only."""

    name, order = "table2", 40
    title = "Table 2: which modalities matter"
    default_methods = (PROPOSED,)

    def plan(self, context: Context) -> Plan:
        methods, left_out = usable_methods(context, self.default_methods)
        runs = []
        for method in methods:
            read = uses(method, context)
            if len(read) < 2:
                left_out[method] = f"it reads the {next(iter(read))} alone: nothing to take away"
                continue
            for condition in conditions(read, context.embeddings.sequences):
                runs += method_runs(method, context, condition=condition)
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.ablation.figure import draw_ablation
        from strokebench.reports.ablation.table import (
            ablation_lead,
            ablation_table,
            below_complete,
            by_method,
            nothing_planned,
        )
        from strokebench.reports.tables.section import Panel

        always, at_test = entries(results, "always"), entries(results, "test_only")
        title = "Table 2. Prognosis by what a method may see"
        zeroed = "What a row does not name is zero after standardisation, in the training, validation and test part."
        at_end = "Trained on everything; what a row does not name is zero in the test part only. Not in the paper."
        panels = [
            Panel(
                "table2",
                ablation_table(results, "table2", title, always, "table2", notes=[zeroed]),
                shows="How well the method does when it is trained and tested with some sources of knowledge only.",
                does_not_show="What a source is worth to a doctor, or to a method that reads it better.",
            ),
            Panel(
                "table2_test",
                ablation_table(results, "table2_test", f"{title}, taken away at test time", at_test, notes=[at_end]),
                shows="What happens to a method that was trained on everything when a patient comes without a source.",
                does_not_show="What the source is worth: a method that never saw gaps is not prepared for them.",
            ),
        ]
        ways = {"trained without (the paper's way)": always, "missing at test time only": at_test}
        methods = by_method(results, always)
        for method in methods:
            series = [
                (way, ablation_table(results, "", "", [entry for entry in chosen if entry.method == method], source))
                for (way, chosen), source in zip(ways.items(), ("table2", ""), strict=True)
            ]
            panels.append(
                Panel(
                    "table2_picture" if len(methods) == 1 else f"table2_picture_{method}",
                    draw_ablation(results, series),
                    title=f"{results.compared_by} by what {results.method(method).label} may see",
                    shows=f"The mean {results.compared_by} of each subset, trained without the rest (circle) or merely "
                    "tested without it (square), with the standard deviation over runs.",
                    does_not_show="A confidence interval: the runs share patients, so the spread is no standard error.",
                )
            )
        lead = " ".join(
            f"{ablation_lead(results, method, mine)} "
            f"Missing at test time only: {below_complete(results, method, at_test)}"
            for method, mine in methods.items()
        )
        return self.publish(results, folder, panels, lead or nothing_planned(results))


def conditions(read: Collection[str], sequences: Sequence[str] = ()) -> list[Condition]:
    """All subsets of what a method reads, and single sequences of the image, away always, then at test time only."""
    ways: tuple[When, ...] = ("always", "test_only")
    wanted = [[*all_subsets(read, way), *by_sequence(read, sequences, way)] for way in ways]
    return list(dict.fromkeys(chain.from_iterable(wanted)))


def entries(results: Results, when: When) -> list[Entry]:
    """The rows of one way of taking away; the whole is in both."""
    from strokebench.reports.ablation.table import Entry

    found = []
    sequences = results.provenance.get("sequences", [])
    for method in results.methods:
        single = by_sequence(method.uses, sequences, when)
        # The whole stands last.
        for condition in sorted([*all_subsets(method.uses, when), *single], key=lambda one: one == COMPLETE):
            kept = in_order(method.uses if condition.keep is None else condition.keep, PAPER_ORDER)
            label = " + ".join(words[:1].upper() + words[1:] for words in in_words(kept, PAPER_ORDER))
            paper = "+".join(kept) if method.name == PROPOSED and condition not in single else ""
            found.append(Entry(method.name, "", condition.id, label, paper, condition == COMPLETE))
    return found
