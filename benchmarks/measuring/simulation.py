"""Do the intervals cover, and do the tests keep their level? Many small made-up cohorts with a known truth.

Two truths are at hand: that of the *procedure* (the expected AUC of a model trained on so many patients) and that of
the very *models* trained. Intervals are held against both, tests against equal procedures.
"""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.stats import ttest_1samp

from strokebench.benchmarks.measuring.simulation_world import HOSPITALS, World, cross_validate, expected_aucs
from strokebench.reports.statistics.bootstrap import bootstrap
from strokebench.reports.statistics.decisions import ALPHA, holm
from strokebench.reports.statistics.delong import DeLong, delong
from strokebench.reports.statistics.discordance import widening
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.paired import CORRECTED as PROTOCOLS_OF_DRAWS
from strokebench.reports.statistics.paired import by_part, combined_auc, combined_t, corrected_auc, corrected_t, gain
from strokebench.reports.tables.table import Cell, Column, Row, Table
from strokebench.tasks.protocols import FOLDS

AUC, DIFFERENCE, TEST, FAMILY = "auc", "difference", "test", "family"
DELONG, BOOTSTRAP = "DeLong", "Paired bootstrap over patients"
CORRECTED = "Corrected t over runs"
UNCORRECTED = "Uncorrected t over runs (wrong: runs share patients)"
LOGIT = "Corrected t on the logit scale"
WIDENED = "DeLong, widened by discordance, on the logit scale (headline under cv5)"
COMBINED = "Mean of DeLong's and the corrected variance, t (headline)"
TEST_SHARE = 1 / (FOLDS - 1)
"""Test patients by training patients, which the corrected t needs."""

STEADY = World("Steady: 4 variables a method")
UNSTEADY = World("Unsteady: 24 variables, so that models depend on whom they are trained on", variables=24, signal=0.3)
SEPARABLE = World("Nearly separable: AUC 0.96", slope=12.0, signal=2.0)
WORLDS = {
    "steady": STEADY,
    "unsteady": UNSTEADY,
    "separable": SEPARABLE,
    "steady_729": replace(STEADY, title="Steady, as many as the paper's", patients=729, seeds=4),
    "unsteady_729": replace(UNSTEADY, title="Unsteady, as many as the paper's", patients=729, seeds=4),
    "separable_729": replace(SEPARABLE, title="Nearly separable, as many as the paper's", patients=729, seeds=4),
    "further_8": replace(UNSTEADY, title="Further: hardly any signal", variables=8, signal=0.1, patients=400, seeds=4),
    "further_12": replace(UNSTEADY, title="Further: 12 variables", variables=12, signal=0.4, patients=400, seeds=3),
    "further_chance": replace(UNSTEADY, title="Further: chance alone", variables=12, signal=0.0, seeds=4),
    "further_48": replace(UNSTEADY, title="Further: 48 variables", variables=48, signal=0.25, seeds=4),
    "further_48_729": replace(
        UNSTEADY, title="Further: 48 variables, 729", variables=48, signal=0.25, patients=729, seeds=4
    ),
    "further_strong": replace(UNSTEADY, title="Further: AUC 0.92", signal=1.0, shared=0.05, slope=5.0, patients=300),
    "difference": World("A true difference: 4 variables, the second method worse", handicap=0.5),
    "steady_holdout": replace(STEADY, title="Steady, one fixed test part", protocol="holdout", seeds=4),
    "unsteady_holdout": replace(UNSTEADY, title="Unsteady, one fixed test part", protocol="holdout", seeds=4),
    "steady_loho": replace(STEADY, title="Steady, each of four hospitals left out", protocol="loho", seeds=4),
    "unsteady_loho": replace(UNSTEADY, title="Unsteady, each of four hospitals left out", protocol="loho", seeds=4),
    "twelve": replace(UNSTEADY, title="Many methods: 12 alike, 24 variables each", methods=12),
    "mlp": replace(UNSTEADY, title="Networks: the suite's MLP on 24 variables", learner="mlp"),
    "concat": replace(UNSTEADY, title="Networks: Concat, 8 variables each in image, text and table", learner="concat"),
}
"""By the name that the command takes."""


def simulate(world: World, replicates: int, seed: int = 0, resamples: int = 500, jobs: int = 1) -> pd.DataFrame:
    """Draw cohorts, cross-validate the methods, and hold every interval and test against the truth.

    Args:
        replicates: cohorts. resamples: of each bootstrap; 0 leaves it out. jobs: processes, without effect on them.

    Returns:
        One row an interval or test: `kind`, `name`, `procedure` and `models` (share of 95 % intervals that cover
        either truth; NaN for tests), `rejected` (share of cohorts with p < 0.05, for `family` with any false claim
        among all pairs; NaN for intervals) and `n` cohorts in which it is defined, of which these are shares.
    """
    truth = expected_aucs(world, seed)
    found = Parallel(n_jobs=jobs)(
        delayed(_replicate)(world, truth, seed, number, resamples) for number in range(replicates)
    )
    table = pd.concat(found).groupby(["kind", "name"], sort=False)
    return table.mean().assign(n=table.count().max(axis=1)).reset_index()


def _replicate(world: World, truth: NDArray[Any], seed: int, number: int, resamples: int) -> pd.DataFrame:
    """One cohort: whether each interval covered, and whether each test rejected. The first pair stands for all."""
    last = world.methods - 1
    scores, models = cross_validate(world, np.random.default_rng([seed, world.variables, 2, number]))
    analytic = delong(scores)
    by_run, test = analytic.aucs[0] - analytic.aucs[last], analytic.test(0, last)
    aucs: dict[str, Interval] = {DELONG: analytic.interval(0)}
    differences: dict[str, Interval] = {DELONG: test}
    p = {DELONG: test.p}
    if resamples:
        drawn = bootstrap(scores, n_resamples=resamples, seed=number)
        aucs[BOOTSTRAP], differences[BOOTSTRAP] = drawn.interval(0), (difference := drawn.difference(0, last))
        p[BOOTSTRAP] = difference.p
    if world.protocol in PROTOCOLS_OF_DRAWS:
        hospitals = np.array([fold for _, fold in scores.groups]) if world.protocol == "loho" else None
        share = TEST_SHARE if hospitals is None else 1 / (len(HOSPITALS) - 1)
        first, apart = (each if hospitals is None else by_part(each, hospitals) for each in (analytic.aucs[0], by_run))
        aucs[CORRECTED], aucs[LOGIT] = corrected_t(first, share), corrected_auc(first, share)
        if hospitals is None:
            aucs[WIDENED] = analytic.interval(0, widening(scores, 0))
        else:
            aucs[COMBINED] = combined_auc(analytic.aucs[0], analytic.shares[0], share, hospitals)
        combined = gain(by_run, analytic.shares[0] - analytic.shares[last], share, hospitals)
        for name, t in ((CORRECTED, corrected_t(apart, share)), (COMBINED, combined)):
            differences[name], p[name] = t, t.p
    if len(by_run) > 1:
        p[UNCORRECTED] = float(ttest_1samp(by_run, 0.0).pvalue)
    judged = [_judged(AUC, name, interval, truth[0], models[0]) for name, interval in aucs.items()]
    true = truth[0] - truth[last], models[0] - models[last]
    judged += [_judged(DIFFERENCE, name, interval, *true) for name, interval in differences.items()]
    judged += [{"kind": TEST, "name": name, "rejected": _known(value < ALPHA, value)} for name, value in p.items()]
    if world.methods > 2:
        judged += _families(world, analytic)
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
    covered = {which: _known(interval.low <= truth <= interval.high, interval.low) for which, truth in truths.items()}
    return {"kind": kind, "name": name, **covered}


def _known(held: bool, of: float) -> float:
    """Whether it held, 1 or 0; NaN where what it was told `of` is undefined."""
    return np.nan if np.isnan(of) else float(held)


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
        caption=f"{world.methods} methods, protocol {world.protocol}, {world.seeds} seeds. Percent of cohorts "
        "(standard error). Intervals should cover 95 %; tests of equal methods should reject 5 %.",
        columns=columns,
        rows=rows,
        notes=[
            "Procedure: the expected AUC of models trained on as many patients. Models: the mean true AUC of the "
            "models trained on this cohort.",
        ],
    )
