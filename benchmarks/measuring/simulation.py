"""Do the intervals cover, and do the tests keep their level? Many small made-up cohorts with a known truth.

Two truths are at hand: that of the *procedure* (the expected AUC of a model trained on so many patients) and that of
the very *models* trained. Intervals are held against both, tests against equal procedures.
"""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.stats import ttest_1samp

from strokebench.benchmarks.measuring.simulation_world import World, cross_validate, expected_aucs
from strokebench.reports.statistics.bootstrap import bootstrap
from strokebench.reports.statistics.decisions import ALPHA, holm
from strokebench.reports.statistics.delong import DeLong, delong
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.paired import combined_t, corrected_auc, corrected_t
from strokebench.reports.statistics.scores import Pooling, arrange
from strokebench.reports.tables.table import Cell, Column, Row, Table
from strokebench.tasks.protocols import FOLDS

AUC, DIFFERENCE, TEST, FAMILY = "auc", "difference", "test", "family"
WAYS: tuple[tuple[Pooling, str], ...] = (("run", "mean over runs"), ("seed", "folds pooled"))
CORRECTED = "Corrected t over runs"
LOGIT = "Corrected t on the logit scale (headline)"
COMBINED = "Mean of DeLong's and the corrected variance, t (headline)"
TEST_SHARE = 1 / (FOLDS - 1)
"""Test patients by training patients, which the corrected t needs."""

WORLDS = (
    World("Steady: 4 variables a method"),
    World(
        "Unsteady: 24 variables a method, so that models depend on their training patients", variables=24, signal=0.3
    ),
    World("A true difference: 4 variables, the second method worse", handicap=0.5),
    World("Many methods: 6 alike, 24 variables each", methods=6, variables=24, signal=0.3),
)


def simulate(world: World, replicates: int, seed: int = 0, resamples: int = 500, jobs: int = 1) -> pd.DataFrame:
    """Draw cohorts, cross-validate the methods, and hold every interval and test against the truth.

    Args:
        replicates: cohorts. resamples: of each bootstrap. jobs: processes; they change nothing but the time.

    Returns:
        One row an interval or test: `kind`, `name`, `procedure` and `models` (share of 95 % intervals that cover
        either truth; NaN for tests), `rejected` (share of cohorts with p < 0.05, for `family` with any false claim
        among all pairs; NaN for intervals) and `n` cohorts.
    """
    truth = expected_aucs(world, seed)
    found = Parallel(n_jobs=jobs)(
        delayed(_replicate)(world, truth, seed, number, resamples) for number in range(replicates)
    )
    table = pd.concat(found).groupby(["kind", "name"], sort=False)
    return table.mean().assign(n=table.size()).reset_index()


def _replicate(world: World, truth: NDArray[Any], seed: int, number: int, resamples: int) -> pd.DataFrame:
    """One cohort: whether each interval covered, and whether each test rejected. The first pair stands for all."""
    last = world.methods - 1
    predictions, models = cross_validate(world, np.random.default_rng([seed, world.variables, 2, number]))
    aucs: dict[str, Interval] = {}
    differences: dict[str, Interval] = {}
    p: dict[str, float] = {}
    for by, words in WAYS:
        scores = arrange(predictions, by)
        analytic, drawn = delong(scores), bootstrap(scores, n_resamples=resamples, seed=number)
        if by == "run":
            over_runs = analytic
        aucs |= {f"DeLong, {words}": analytic.interval(0), f"Bootstrap, {words}": drawn.interval(0)}
        tested, difference = analytic.test(0, last), drawn.difference(0, last)
        differences |= {f"DeLong, {words}": tested, f"Paired bootstrap, {words}": difference}
        p |= {f"DeLong, {words}": tested.p, f"Paired bootstrap, {words}": difference.p}
    aucs[CORRECTED] = corrected_t(over_runs.aucs[0], TEST_SHARE)
    aucs[LOGIT] = corrected_auc(over_runs.aucs[0], TEST_SHARE)
    apart_by_run = over_runs.aucs[0] - over_runs.aucs[last]
    corrected = corrected_t(apart_by_run, TEST_SHARE)
    differences[CORRECTED], p[CORRECTED] = corrected, corrected.p
    combined = combined_t(apart_by_run, TEST_SHARE, over_runs.test(0, last).se)
    differences[COMBINED], p[COMBINED] = combined, combined.p
    p["Uncorrected t over runs (wrong: runs share patients)"] = float(ttest_1samp(apart_by_run, 0.0).pvalue)
    judged = [_judged(AUC, name, interval, truth[0], models[0]) for name, interval in aucs.items()]
    apart = truth[0] - truth[last], models[0] - models[last]
    judged += [_judged(DIFFERENCE, name, interval, *apart) for name, interval in differences.items()]
    judged += [{"kind": TEST, "name": name, "rejected": float(value < ALPHA)} for name, value in p.items()]
    if world.methods > 2:
        judged += _families(world, over_runs)
    return pd.DataFrame(judged, columns=["kind", "name", "procedure", "models", "rejected"])


def _families(world: World, over_runs: DeLong) -> list[dict[str, Any]]:
    """Whether each rule calls any difference real, among all pairs of methods that are alike."""
    pairs = list(combinations(range(world.methods), 2))
    tests = [over_runs.test(*pair) for pair in pairs]
    p = [test.p for test in tests]
    differences = [over_runs.aucs[first] - over_runs.aucs[second] for first, second in pairs]
    corrected = [corrected_t(values, TEST_SHARE).p for values in differences]
    combined = [combined_t(values, TEST_SHARE, test.se).p for values, test in zip(differences, tests, strict=True)]
    claims = {
        "DeLong, not adjusted": np.array(p) < ALPHA,
        "DeLong, Holm": holm(p) < ALPHA,
        f"{COMBINED}, Holm": holm(combined) < ALPHA,
        "Corrected t, Holm": holm(corrected) < ALPHA,
        "Uncorrected t, Holm (wrong)": holm([float(ttest_1samp(values, 0.0).pvalue) for values in differences]) < ALPHA,
    }
    return [{"kind": FAMILY, "name": name, "rejected": float(claim.any())} for name, claim in claims.items()]


def _judged(kind: str, name: str, interval: Interval, procedure: float, models: float) -> dict[str, Any]:
    truths = {"procedure": procedure, "models": models}
    covered = {which: float(interval.low <= truth <= interval.high) for which, truth in truths.items()}
    return {"kind": kind, "name": name, **covered}


def simulation_table(world: World, measured: pd.DataFrame, name: str) -> Table:
    """Coverage and error rates, in percent, with their standard error by the number of cohorts."""
    groups = {
        "auc": "95 % interval of an AUC",
        "difference": "95 % interval of a difference",
        "test": "Test of a difference, p < 0.05",
        "family": "Any false claim among all pairs",
    }
    rejected = "Power" if world.handicap < 1 else "Type-I error"
    columns = [Column("procedure", "Covers procedure"), Column("models", "Covers models"), Column("rejected", rejected)]
    rows = []
    for record in measured.to_dict("records"):
        n = int(record["n"])
        cells = {
            column.key: Cell(float(share), float(np.sqrt(share * (1 - share) / n)))
            for column in columns
            if not np.isnan(share := record[column.key])
        }
        kind = str(record["kind"])
        rows.append(Row(f"{kind}/{record['name']}", str(record["name"]), groups[kind], cells, n, n))
    return Table(
        name=name,
        title=world.title,
        cohort=f"made-up cohorts of {world.patients} patients",
        caption=f"{world.methods} methods, 5-fold cross-validation with {world.seeds} seeds. Percent of cohorts "
        "(standard error). Intervals should cover 95 %; tests of equal methods should reject 5 %.",
        columns=columns,
        rows=rows,
        notes=[
            "Procedure: the expected AUC of models trained on as many patients. Models: the mean true AUC of the "
            "models trained on this cohort.",
        ],
    )
