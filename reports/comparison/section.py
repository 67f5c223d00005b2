"""The section of the comparison: its paragraph, tables and figures, and what each does not show."""

from strokebench.errors import StrokebenchError
from strokebench.reports.comparison.compare import MethodComparison
from strokebench.reports.comparison.figures import draw_forest, draw_matrix, draw_ranks
from strokebench.reports.comparison.table import comparison_table, effects_table
from strokebench.reports.comparison.words import lead
from strokebench.reports.results import Results
from strokebench.reports.statistics.critical_difference import CriticalDifference, critical_difference
from strokebench.reports.tables.caption import cohort_title, setting_line
from strokebench.reports.tables.section import Panel, Section


def comparison_section(results: Results, comparison: MethodComparison, title: str) -> Section:
    """Everything that can be said of these results, finished or not; without a finished run, only the paragraph."""
    cohort, setting, metric = cohort_title(results), setting_line(results), comparison.metric
    panels: list[Panel] = []
    if comparison.names:
        ranks, refusal = ranks_over_hospitals(results, comparison)
        panels.append(
            Panel(
                "comparison",
                comparison_table(results, comparison, refusal),
                shows="How each method compares with the reference on the same patients, how sure that is, and whether "
                "it can count as not worse.",
                does_not_show="That a method without a real difference is equally good, or that any of this holds for "
                "patients of another hospital.",
            )
        )
        if len(comparison.names) > 1:
            panels.append(
                Panel(
                    "comparison_effects",
                    effects_table(results, comparison),
                    shows=f"The size of each difference: in points of {metric}, against its unrest from run to run, "
                    "and as the share of runs in which the method is ahead of the reference.",
                    does_not_show="Whether a difference of this size matters to a patient.",
                    in_terminal=False,
                )
            )
        panels.append(
            Panel(
                "comparison_forest",
                draw_forest(comparison, setting),
                title=f"{metric} of each method with its interval",
                shows=f"Where the {metric} of each method may lie: thin bar the printed interval, thick bar other test "
                "patients alone, which is too narrow on a few hundred patients.",
                does_not_show="Which differences are real: overlapping intervals may still differ, since all methods "
                "saw the same patients. The matrix tells.",
            )
        )
        if len(comparison.names) > 1:
            panels.append(
                Panel(
                    "comparison_matrix",
                    draw_matrix(comparison, setting),
                    title=f"Difference in {metric} of every pair",
                    shows=f"Row minus column in points of {metric}. Filled and framed: a real difference after "
                    "correction for looking at all pairs.",
                    does_not_show="How uncertain each number is; a grey number is no proof that two methods are alike.",
                )
            )
        if ranks is not None:
            panels.append(
                Panel(
                    "comparison_ranks",
                    draw_ranks(ranks, comparison, setting),
                    title="Mean rank over hospitals with the critical difference",
                    shows="Which methods rank best when each hospital in turn is the new one; a bar joins methods that "
                    "cannot be told apart.",
                    does_not_show="By how much they differ. The models of different hospitals share most of their "
                    "training patients; only the test patients are independent.",
                )
            )
    return Section("comparison", title, cohort, panels, lead(comparison))


def ranks_over_hospitals(results: Results, comparison: MethodComparison) -> tuple[CriticalDifference | None, str]:
    """The critical difference where hospitals are the test parts, or None and the reason why there is none.

    A hospital's score is the mean over seeds. Methods that lack a run of a hospital are left out.
    """
    leaves_out = results.provenance.get("protocol") == "loho"
    scores = comparison.by_group
    if leaves_out:
        whole = [name for name in comparison.names if comparison.done[name] == comparison.planned[name]]
        scores = scores[whole].groupby(level="fold").mean()
    try:
        return critical_difference(scores, "hospital" if leaves_out else "fold"), ""
    except StrokebenchError as error:
        return None, str(error)
