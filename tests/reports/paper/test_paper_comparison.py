"""The comparison with the paper, on made-up runs of all its settings."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from strokebench.reports.paper.compare import Ours, Verdict, compare, standard_error, verdict
from strokebench.reports.paper.figure import draw_comparison
from strokebench.reports.paper.numbers import paper_number, planned_settings
from strokebench.reports.paper.statements import NOT_COMPARABLE, NOT_RUN, OTHER, SAME, statements
from strokebench.reports.paper.table import (
    comparison_lead,
    comparison_table,
    notes_table,
    statements_table,
    verdict_table,
)
from strokebench.reports.results import RUN_COLUMNS, MethodInfo, Results
from strokebench.reports.tables.render import to_csv, to_html, to_latex, to_markdown
from strokebench.reports.tables.table import PaperNumber
from strokebench.tasks.metrics.paper import PAPER_METRICS

N, POSITIVES = 146, 46
SEEDS = (39, 40, 41, 42)


def made_up(skip=()):
    """4 runs of each setting on one test part; skill differs by setting."""
    y = (np.arange(N) < POSITIVES).astype(int)
    ids = [f"P{i:03d}" for i in range(N)]
    predictions, runs, facts = [], [], []
    for number, setting in enumerate(planned_settings()):
        if setting.method in skip:
            continue
        method, variant, condition = setting.key
        plain = method == "vdafm" and not variant
        for seed in SEEDS:
            rng = np.random.default_rng([number, seed])
            skill = 0.3 if condition == "text" else 1.2
            p = 1 / (1 + np.exp(-(skill * (2 * y - 1.3) + rng.normal(0, 1, N))))
            names = {
                "method": method,
                "variant": variant,
                "condition": condition,
                "seed": seed,
                "fold": 0,
            }
            runs.append({**names, "status": "done", "key": f"{number}/{seed}"})
            predictions.append(pd.DataFrame({**names, "patient_id": ids, "y": y, "p": p}))
            if plain:
                facts.append(pd.DataFrame({**names, "patient_id": ids, "angle_before": 90.0, "angle_after": 80.0}))
    methods = dict.fromkeys(setting.method for setting in planned_settings())
    return Results(
        predictions=pd.concat(predictions).assign(
            experiment="paper", dataset="made", outcome="nihss < 7", protocol="holdout", split="s", site="A"
        ),
        runs=pd.DataFrame(runs).reindex(columns=list(RUN_COLUMNS)),
        methods=[MethodInfo(name, name.upper(), "any") for name in methods],
        provenance={
            "title": "made-up cohort",
            "synthetic": True,
            "outcome": "nihss < 7",
            "protocol": "holdout",
            "n_patients": 729,
            "n_positive": 232,
        },
        patient_facts=pd.concat(facts) if facts else None,
    )


@pytest.fixture(scope="module")
def made():
    return made_up()


@pytest.fixture(scope="module")
def comparisons(made):
    return {(item.source, item.name, item.metric): item for item in compare(made)}


def test_every_number_of_tables_1_to_3_has_its_row(comparisons):
    for source, rows in (("table1", 12), ("table2", 7), ("table3", 4)):
        assert len([key for key in comparisons if key[0] == source]) == rows * len(PAPER_METRICS)


def test_ours_is_that_of_the_right_setting(made, comparisons):
    predictions = made.predictions
    for source, name, condition, variant in (
        ("table2", "Text", "text", ""),
        ("table2", "Text + Image", "image+text", ""),
        ("table3", "+ alignment", "complete", "contrastive_weight=0.0"),
        ("table3", "All losses", "complete", ""),
    ):
        chosen = predictions[
            (predictions["method"] == "vdafm")
            & (predictions["condition"] == condition)
            & (predictions["variant"] == variant)
        ]
        called = chosen[chosen["y"] == 1].groupby("seed")["p"].apply(lambda p: (p >= 0.5).mean())
        ours = comparisons[source, name, "Recall"].ours
        assert ours.mean == pytest.approx(called.mean())
        assert ours.std == pytest.approx(called.std(ddof=0))


def test_verdicts(comparisons):
    assert comparisons["table2", "Text", "Specificity"].verdict is Verdict.HIGHER
    assert comparisons["table1", "MLP", "Recall"].verdict is Verdict.NOT_COMPARABLE
    assert comparisons["table1", "SVM", "AUC"].verdict is Verdict.NOT_IN_TEXT
    assert comparisons["table1", "SVM", "AUC"].ours is not None
    traditional = comparisons["table1_prose", "mean of the traditional methods", "AUC"]
    assert traditional.verdict is Verdict.NOT_COMPARABLE and "another way" in traditional.note
    assert comparisons["fig3", "chosen loss weights", "Precision"].verdict is Verdict.NOT_COMPARABLE
    assert "2.44" in comparisons["table3", "+ alignment", "F1"].note


def test_the_rule():
    paper = PaperNumber(80.0, 2.0, "reported")

    def ours(mean):
        return Ours(mean, 0.02, 4, 46, 100)

    assert verdict("ACC", paper, ours(0.80)) is Verdict.OVERLAP
    # By hand: sqrt(.8 * .2 / 146 + .02^2 / 3) = .0351 for the paper, and the like for ours.
    assert standard_error("ACC", 0.8, 0.02, 4, 46, 100) == pytest.approx(0.03506, abs=1e-5)
    assert verdict("ACC", paper, ours(0.90)) is Verdict.OVERLAP
    assert verdict("ACC", paper, ours(0.96)) is Verdict.HIGHER
    assert verdict("ACC", paper, ours(0.60)) is Verdict.LOWER
    assert verdict("ACC", None, ours(0.8)) is Verdict.NOT_IN_TEXT
    assert verdict("ACC", paper, None) is Verdict.NOT_RUN


def test_the_auc_s_error_is_hanley_and_mcneil_s():
    assert standard_error("AUC", 0.81, 0, 1, 46, 100) == pytest.approx(0.042, abs=0.001)
    assert standard_error("AUC", 1.0, 0, 1, 46, 100) == 0
    assert not math.isnan(standard_error("F1", 0.0, 0, 1, 46, 100))


def test_a_row_without_runs_is_said_to_have_none():
    results = made_up(skip=("vdafm",))
    found = {(item.source, item.name, item.metric): item for item in compare(results)}
    assert found["table2", "Text", "AUC"].verdict is Verdict.NOT_RUN
    assert all(item.verdict is not Verdict.OVERLAP for key, item in found.items() if key[0] == "table3")
    assert {said.verdict for said in statements(results) if said.key.startswith("fig4/")} == {NOT_RUN}


def test_nothing_finished_yet(made):
    runs = made.runs.assign(status="missing")
    results = Results(made.predictions.iloc[:0], runs, made.methods, made.provenance)
    found = compare(results)
    assert {item.verdict for item in found} == {Verdict.NOT_RUN, Verdict.NOT_IN_TEXT, Verdict.NOT_COMPARABLE}
    draw_comparison(found, "made-up cohort")
    assert statements(results)
    assert "No number" in comparison_lead(results, found)


def test_statements_compare_orders(made):
    said = {item.key: item for item in statements(made)}
    assert {said["fig4/AUC"].verdict, said["dropout/AUC"].verdict} <= {SAME, OTHER}
    assert said["table1/fusion/Recall"].verdict in (SAME, OTHER)
    assert {said[f"table1/xgboost/{metric}"].verdict for metric in ("Specificity", "Recall")} == {NOT_COMPARABLE}
    assert said["angle"].ours == "10.0 degrees"
    assert said["test_part"].ours == "46 and 100"
    assert said["lead/AUC"].paper == "+1.12"


def test_orders_under_another_outcome_are_compared_with_nothing_of_the_paper(made):
    other = replace(made, provenance={**made.provenance, "outcome": "mrs > 2"})
    before, after = statements(made), statements(other)
    told = {said.key for said in before if said.verdict.startswith((SAME, OTHER))}
    assert {"lead/AUC", "fig4/AUC", "table1/fusion/Recall"} <= told
    assert {said.verdict for said in after if said.key in told} == {NOT_COMPARABLE}
    assert [said for said in before if said.key not in told] == [said for said in after if said.key not in told]
    lead = comparison_lead(other, compare(other))
    assert lead.startswith("No number can be compared: the paper's outcome is nihss < 7. The paper's numbers")


def test_tables_in_every_form_name_the_cohort_and_disclaim(made, comparisons):
    items = list(comparisons.values())
    for table in (
        comparison_table(made, items),
        verdict_table(made, items),
        statements_table(made, statements(made)),
    ):
        for form in (to_markdown, to_html, to_latex):
            text = form(table)
            assert "synthetic" in text and "another cohort" in text
    lines = to_csv(comparison_table(made, items)).splitlines()
    assert len(lines) == 1 + len(items)
    number = paper_number("table2", "text", "AUC")
    assert any("Text,AUC" in line and f"{number.mean:.2f},{number.std:.2f}" in line for line in lines)
    for wrong in ("replicated successfully", "confirmed", "refuted", "failed to"):
        assert wrong not in comparison_lead(made, items)


def test_verdicts_add_up(made, comparisons):
    table = verdict_table(made, list(comparisons.values()))
    assert sum(cell.value for row in table.rows for cell in row.cells.values()) == len(comparisons)


def test_the_figure_names_the_cohort_and_every_row(made, comparisons):
    figure = draw_comparison(list(comparisons.values()), "made-up cohort (synthetic patients)")
    assert "synthetic" in figure.get_suptitle()
    named = [text.get_text() for text in figure.axes[0].texts]
    assert "SPARSEMM" in named and "Text + Image" in named


def test_notes_are_distinct_and_whole():
    rows = notes_table().rows
    assert len({row.key for row in rows}) == len(rows) == 20
    assert all(len(row.cells) == 3 and all(cell.text for cell in row.cells.values()) for row in rows)
    assert "68.14" in to_markdown(notes_table())
