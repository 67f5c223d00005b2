"""Does a column of the clinical table, or the hospital alone, give the outcome away?"""

import numpy as np
import pandas as pd

from strokebench.benchmarks.leaks.association import CHANCE, of_categories, of_numbers
from strokebench.benchmarks.leaks.finding import Finding, Severity, findings
from strokebench.benchmarks.running.context import Context
from strokebench.datasets.cohort import Kind
from strokebench.datasets.naming import sounds_later
from strokebench.errors import named

ALARM_CORRELATION, WARNING_CORRELATION = 0.95, 0.90
"""Rank correlation with the outcome's own column from which an input counts as derived from it (our choice)."""
PURE_MISSING = 10
"""So many patients without a value, all of one class, are looked into."""
COMMON_CATEGORY = 5
SITE_AUC, SITE_CHANCE = 0.65, 1e-3
"""The site counts as predictive from this out-of-fold AUC on, if chance makes it so rarely (our choice)."""

REMEDY = "Ask what the column holds and when it was written; if it was not known beforehand, put it under `banned`."


def column_gives_outcome(context: Context) -> list[Finding]:
    """Columns whose values alone tell the outcome: AUC of a number's order or of a category's mean, out of fold."""
    y, inputs = context.events, _inputs(context)
    found: dict[Severity, list[str]] = {"alarm": [], "warning": []}
    for name in inputs:
        values = inputs[name]
        numeric = context.cohort.columns[str(name)].kind is Kind.NUMERIC
        association = of_numbers(values.astype(float), y) if numeric else of_categories(values, y)
        if association and (severity := association.severity(inputs.shape[1])):
            found[severity].append(f"{name} (AUC {100 * association.auc:.0f})")
    return findings("column_gives_outcome", found, "Columns that tell the outcome alone", REMEDY)


def feature_gives_outcome(context: Context) -> list[Finding]:
    """Numbers of ready-made features whose order alone tells the outcome; of features fitted fold by fold, the order of
    the test patients alone, for those trained on are known to them."""
    cohort = context.cohort
    found: dict[Severity, list[str]] = {"alarm": [], "warning": []}
    for name in cohort.features:
        looked: list[tuple[str, tuple[int, int] | None, pd.Series]] = [
            (f"{name} in {fold.name} of seed {fold.seed}", (fold.seed, fold.fold), context.events.loc[list(fold.test)])
            for fold in context.split.folds
            if name in cohort.fold_features.get((fold.seed, fold.fold), ())
        ]
        for where, of_fold, y in looked or [(name, None, context.events)]:
            values = cohort.feature_array(name, y.index, of_fold).reshape(len(y), -1)
            for place, column in enumerate(values.T, 1):
                association = of_numbers(pd.Series(column, y.index, dtype=float), y, tree=False)
                if association and (severity := association.severity(values.shape[1])):
                    found[severity].append(f"number {place} of {where} (AUC {100 * association.auc:.0f})")
    remedy = "Find out what the program was given; features that know the outcome are none."
    return findings("feature_gives_outcome", found, "Features that tell the outcome alone", remedy)


def missing_gives_outcome(context: Context) -> list[Finding]:
    """Columns of which it tells the outcome that the value is missing, of all patients or of those without it."""
    from scipy.stats import binom

    y, inputs = context.events, _inputs(context)
    found: dict[Severity, list[str]] = {"alarm": [], "warning": []}
    for name in inputs:
        missing = inputs[name].isna()
        n, positive = int(missing.sum()), int(y[missing].sum())
        if n in (0, len(y)):
            continue
        association = of_numbers(missing.astype(float), y)
        if association and (severity := association.severity(inputs.shape[1])):
            found[severity].append(f"{name} (AUC {100 * association.auc:.0f} of whether it is missing)")
        elif n >= PURE_MISSING and positive in (0, n):
            share = y.mean() if positive else 1 - y.mean()
            if binom.sf(n - 1, n, share) * inputs.shape[1] < CHANCE:
                found["warning"].append(f"{name} (all {n} without it have label {int(positive > 0)})")
    message = "Whether these columns are filled tells the outcome"
    remedy = "Find out why the value is missing; if it depends on what happened later, put the column under `banned`."
    return findings("missing_gives_outcome", found, message, remedy)


def column_derived_from_outcome(context: Context) -> list[Finding]:
    """Columns that follow from the outcome's own column or scale: a sum, a group, a score by another name."""
    source, inputs = context.cohort.table[context.endpoint.column].loc[context.labels.index], _inputs(context)
    found: dict[Severity, list[str]] = {"alarm": [], "warning": []}
    for name in inputs:
        numeric = context.cohort.columns[str(name)].kind is Kind.NUMERIC
        r = _follows(inputs[name], pd.to_numeric(source, errors="coerce"), numeric, len(inputs.columns))
        if r >= WARNING_CORRELATION:
            found["alarm" if r >= ALARM_CORRELATION else "warning"].append(f"{name} ({r:.2f} with {source.name})")
    message = "Columns that follow the outcome's own, by rank correlation"
    remedy = "Put them under `banned`: they are the outcome in another form."
    unsaid = [str(name) for name in inputs if context.cohort.columns[str(name)].time is None]
    later: dict[Severity, list[str]] = {"warning": [name for name in unsaid if sounds_later(name)]}
    return [
        *findings("column_derived_from_outcome", found, message, remedy),
        *findings("column_derived_from_outcome", later, "Columns named after what is known only later", REMEDY),
    ]


def site_predicts_outcome(context: Context) -> list[Finding]:
    """Hospitals whose shares of label 1 differ so much that recognising the hospital is a prognosis."""
    from scipy.stats import chi2_contingency

    if context.cohort.site is None:
        return []
    y = context.events
    site = context.cohort.site.loc[y.index]
    association = of_categories(site, y)
    if association is None or association.auc < SITE_AUC:
        return []
    counts = y.groupby(site).agg(["sum", "size"])
    chance = chi2_contingency([counts["sum"], counts["size"] - counts["sum"]]).pvalue
    if chance >= SITE_CHANCE:
        return []
    shares = (counts["sum"] / counts["size"]).sort_values()
    sizes = counts["size"].loc[shares.index]
    extremes = [
        f"{name} {100 * share:.0f} % of {size}" for name, share, size in zip(shares.index, shares, sizes, strict=True)
    ]
    return [
        Finding(
            "site_predicts_outcome",
            "warning",
            f"The hospital alone has an AUC of {100 * association.auc:.0f}; label 1 by hospital: {named(extremes)}.",
            "A method may learn to recognise scanners. Report per hospital, and add the protocol loho.",
        )
    ]


def _inputs(context: Context) -> pd.DataFrame:
    return context.cohort.table.drop(columns=list(context.banned_columns)).loc[context.labels.index]


def _follows(values: pd.Series, source: pd.Series, numeric: bool, tried: int) -> float:
    """Rank correlation of a column with a source as a share of the highest that their ties allow, in [0, 1].

    A category stands for the mean of the source over the patients who have it. What chance reaches in `tried`
    columns counts as 0.
    """
    from scipy.stats import norm

    both = values.notna() & source.notna()
    values, source = values[both], source[both]
    if len(values) < 10 or values.nunique() < 2 or source.nunique() < 2:
        return 0.0
    if not numeric:
        ranks = source.rank()
        groups = ranks.groupby(values.astype(str))
        # The mean of a rare category is its patients' own rank, which would follow anything.
        values = groups.transform("mean").where(groups.transform("size") >= COMMON_CATEGORY, ranks.mean())
    x, y = values.astype(float).rank().to_numpy(), source.astype(float).rank().to_numpy()
    with np.errstate(invalid="ignore"):
        r = float(np.corrcoef(x, y)[0, 1])
    # Also where it is undefined, for all values are one.
    if not abs(r) > norm.isf(CHANCE / tried / 2) / np.sqrt(len(x) - 1):
        return 0.0
    # Ties hold the correlation of a coarse group with its own source below 1.
    most = np.corrcoef(np.sort(x), np.sort(y) if r > 0 else np.sort(y)[::-1])[0, 1]
    return r / float(most)
