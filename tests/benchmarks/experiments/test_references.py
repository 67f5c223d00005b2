"""Which reference rows run with Table 1, and why others do not."""

from dataclasses import replace

import numpy as np
import pytest
from small_context import make_context

from strokebench.benchmarks.experiments.find import find_experiment
from strokebench.benchmarks.running.plans import usable_methods
from strokebench.datasets.cohort import Column, Kind


def test_table_1_has_them_by_default_and_the_comparison_of_the_paper_s_methods_has_not():
    context = make_context(folds=1, methods=None)
    assert "logistic_regression" in {run.method for run in find_experiment("table1").plan(context).runs}
    for name in ("comparison", "clinical", "paper"):
        assert "logistic_regression" not in {run.method for run in find_experiment(name).plan(context).runs}


@pytest.fixture
def with_roles():
    context = make_context(folds=1, methods=("age_nihss", "thrive"))
    cohort = context.cohort
    numbers = np.arange(len(cohort))
    # Either can be an age or a scale.
    table = cohort.table.assign(years=30 + numbers % 20, scale=numbers % 40)
    columns = {**cohort.columns, "years": Column(Kind.NUMERIC), "scale": Column(Kind.NUMERIC)}
    return replace(
        context, cohort=replace(cohort, table=table, columns=columns, roles={"age": "years", "nihss": "scale"})
    )


def test_a_method_that_lacks_a_role_is_left_out_with_the_reason(with_roles):
    usable, left_out = usable_methods(with_roles)
    assert usable == ["age_nihss"]
    assert "hypertension, diabetes, atrial_fibrillation" in left_out["thrive"] and "roles:" in left_out["thrive"]


def test_columns_that_are_called_as_the_roles_are_offered(with_roles):
    _, left_out = usable_methods(replace(with_roles, cohort=replace(with_roles.cohort, roles={})))
    assert "`roles: {age: age, nihss: nihss}`" in left_out["age_nihss"] and "`roles:`" in left_out["thrive"]


def test_a_role_is_barred_with_its_column(with_roles):
    barred = replace(with_roles, cohort=replace(with_roles.cohort, banned=("scale",)))
    _, left_out = usable_methods(barred)
    assert left_out["age_nihss"] == f"it needs nihss, no input where {barred.endpoint.expression} is predicted"


def test_what_roles_say_counts_for_those_alone_that_read_them(with_roles):
    """The same table under other roles: the runs of others are not computed again."""
    turned = replace(with_roles, cohort=replace(with_roles.cohort, roles={"age": "scale", "nihss": "years"}))
    for method, same in (("age_nihss", False), ("svm", True)):
        keys = set()
        for context in (with_roles, turned):
            chosen = replace(context, settings=replace(context.settings, methods=(method,)))
            keys |= {chosen.key(run) for run in find_experiment("table1").plan(chosen).runs}
        assert (len(keys) == 1) is same


def test_roles_that_only_group_patients_have_nothing_computed_again(with_roles):
    about = {"sex_column": "smoker", "race_column": "toast"}
    grouped = replace(with_roles, cohort=replace(with_roles.cohort, about=about))
    for method in ("age_nihss", "svm"):
        keys = [
            [chosen.key(run) for run in find_experiment("table1").plan(chosen).runs]
            for context in (with_roles, grouped)
            for chosen in [replace(context, settings=replace(context.settings, methods=(method,)))]
        ]
        assert keys[0] == keys[1]


def test_added_value_runs_what_reads_all_three_and_shares_the_whole_with_table_1():
    context = make_context(folds=1, methods=("logistic_components", "svm"))
    plan = find_experiment("added_value").plan(context)
    assert {run.condition.id for run in plan.runs} == {"table", "image+table", "text+table", "complete"}
    assert "image and text" in plan.left_out["svm"]
    table1 = {context.key(run) for run in find_experiment("table1").plan(context).runs}
    assert len({context.key(run) for run in plan.runs} & table1) == 1
