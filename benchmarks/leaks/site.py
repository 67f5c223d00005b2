"""Does the hospital alone predict the outcome?"""

from __future__ import annotations

from strokebench.benchmarks.leaks.association import of_categories
from strokebench.benchmarks.leaks.finding import Finding, named
from strokebench.benchmarks.running.context import Context

AUC, CHANCE = 0.65, 1e-3
"""The site counts as predictive from this out-of-fold AUC on, if chance makes it so rarely (our choice)."""


def site_predicts_outcome(context: Context) -> list[Finding]:
    """Hospitals whose shares of label 1 differ so much that recognising the hospital is a prognosis."""
    from scipy.stats import chi2_contingency

    if context.cohort.site is None:
        return []
    y = context.events
    site = context.cohort.site.loc[y.index]
    association = of_categories(site, y)
    if association is None or association.auc < AUC:
        return []
    counts = y.groupby(site).agg(["sum", "size"])
    chance = chi2_contingency([counts["sum"], counts["size"] - counts["sum"]]).pvalue
    if chance >= CHANCE:
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
