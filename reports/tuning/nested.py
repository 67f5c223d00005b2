"""Hyper-parameters that every fold chooses for itself: what does that gain over the defaults?"""

from dataclasses import replace

import pandas as pd

from strokebench.reports.ablation.table import Entry, ablation_table, differences
from strokebench.reports.results import Results
from strokebench.reports.statistics.paired import UNTESTED
from strokebench.reports.tables.table import Table
from strokebench.tasks.conditions import COMPLETE

TUNED = "tuned"
FIT = ["method", "seed", "fold"]


def choices(results: Results) -> pd.DataFrame:
    """The setting of each method, seed and fold that is best on the validation part; of equals the one planned first.

    Returns:
        One row each, as in `Results.runs`; none where a setting is still to be computed, or all have failed.
    """
    waiting = results.runs[results.runs["status"] == "missing"].set_index(FIT).index
    done = results.runs[(results.runs["status"] == "done") & ~results.runs.set_index(FIT).index.isin(waiting)]
    return done.sort_values("validation_score", ascending=False, kind="stable").drop_duplicates(FIT).sort_values(FIT)


def with_choices(results: Results, chosen: pd.DataFrame) -> Results:
    """The defaults' runs, and beside them the `choices` as one setting called `TUNED`."""
    default = results.runs[results.runs["variant"] == ""]
    absent = default[~default.set_index(FIT).index.isin(chosen.set_index(FIT).index)].assign(status="missing")
    tuned = pd.concat([chosen, absent]).assign(variant=TUNED, variant_label=TUNED)
    predicted = chosen[[*FIT, "variant"]].merge(results.predictions, on=[*FIT, "variant"])
    kept = results.predictions[results.predictions["variant"] == ""]
    return replace(
        results,
        runs=pd.concat([default, tuned], ignore_index=True),
        predictions=pd.concat([kept, predicted.assign(variant=TUNED)], ignore_index=True),
        patient_facts=None,
    )


def _entries(both: Results) -> list[Entry]:
    settings = (("", "defaults"), (TUNED, TUNED))
    return [
        Entry(method.name, variant, COMPLETE.id, label, complete=not variant)
        for method in both.methods
        for variant, label in settings
    ]


def nested_table(both: Results, budget: int) -> Table:
    """All metrics of each method with its defaults and tuned, and the difference.

    Args:
        both: of `with_choices`.
        budget: settings that each method could choose from.
    """
    note = (
        f"Tuned: of up to {budget} settings, the default and others drawn at random from the method's search space, "
        "each fold takes the one with the highest score on its validation part, which also ends the training; its test "
        "part has no say. The budget, the draws and the search spaces are our choice: VDAFM's "
        "is the paper's grids, whose sizes begin at the default and which hold no learning rate; those of the other "
        "networks hold it. So the gains of two methods are not to be held against each other."
    )
    title = "Table 1 with defaults and with tuned hyper-parameters"
    return ablation_table(both, "tuned", title, _entries(both), head="Settings", against="defaults", notes=[note])


def nested_lead(both: Results) -> str:
    """How many methods gain by more than chance, and how many lose."""
    entries = _entries(both)
    found = differences(both, entries)
    label = {method.name: method.label for method in both.methods}
    tested = {label[entry.method]: found[entry.setting] for entry in entries if entry.setting in found}
    tested = {name: difference for name, difference in tested.items() if difference.tested}
    if not tested:
        return f"Too few runs are finished to tell what tuning gains, or {UNTESTED}."
    real = {name: test for name, test in tested.items() if test.distinguishable}
    gains = [name for name, test in real.items() if test.value > 0]
    losses = [name for name, test in real.items() if test.value < 0]
    said = f"Tuning gains more than noise in {len(gains)} of {len(tested)} methods"
    said += f" ({', '.join(gains)})" if gains else ""
    said += f" and loses in {len(losses)}" + (f" ({', '.join(losses)})" if losses else "")
    return f"{said}; the mean change is {100 * sum(t.value for t in tested.values()) / len(tested):+.2f} points."
