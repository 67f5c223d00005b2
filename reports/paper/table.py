"""The comparison with the paper as tables."""

from collections import Counter
from collections.abc import Sequence
from importlib.resources import files

import yaml

from strokebench.reports.paper.compare import PAPER, PaperComparison, Verdict
from strokebench.reports.paper.numbers import OTHER_OUTCOME, is_papers_outcome
from strokebench.reports.paper.statements import Statement
from strokebench.reports.results import Results
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import PAPER_LABEL, Cell, Column, Kind, Row, Table, text_columns

SOURCES = {
    "table1": "Table 1",
    "table1_prose": "Text on Table 1",
    "table2": "Table 2 (subsets of the modalities, VDAFM)",
    "table3": "Table 3 (losses, VDAFM)",
    "fig2": "Figure 2 (layers and heads, VDAFM)",
    "fig3": "Figure 3 (loss weights, VDAFM)",
}

OTHER_PATIENTS = (
    "The paper's numbers are of its own patients, whom nobody else can see; ours are of another cohort. A verdict says "
    "how two numbers compare, and nothing on whether the paper's results can be replicated."
)
RULE = (
    "Verdict: each number has a 95 % interval from its test patients (paper: "
    f"{PAPER.positives} positives, {PAPER.negatives} negatives) and the spread over its runs; if the two intervals "
    "overlap, the numbers cannot be told apart, which does not make them equal."
)


def comparison_table(results: Results, comparisons: Sequence[PaperComparison]) -> Table:
    """One row a number: the paper's, ours, the difference, the verdict and what to know."""
    columns = [
        Column("metric", "Metric", Kind.TEXT),
        Column("paper", "Paper, other patients"),
        Column("ours", "Ours"),
        Column("difference", "Ours − paper"),
        *text_columns(verdict="Verdict", note="Note"),
    ]
    rows = [
        Row(
            key="/".join((item.source, item.row, item.name, item.metric)),
            label=item.name,
            group=SOURCES[item.source],
            cells={
                "metric": Cell(text=item.metric),
                "paper": _paper(item),
                "ours": _ours(item),
                "difference": Cell(item.difference),
                "verdict": Cell(text=str(item.verdict)),
                "note": Cell(text=item.note),
            },
        )
        for item in comparisons
    ]
    return _table(results, "paper_comparison", "The paper's numbers beside ours", columns, rows, RULE, head="Row")


def verdict_table(results: Results, comparisons: Sequence[PaperComparison]) -> Table:
    """How many numbers of each table have which verdict."""
    columns = [Column(verdict.name.lower(), str(verdict).capitalize(), Kind.COUNT) for verdict in Verdict]
    rows = []
    for source, title in SOURCES.items():
        counts = Counter(item.verdict for item in comparisons if item.source == source)
        cells = {verdict.name.lower(): Cell(float(counts[verdict])) for verdict in Verdict}
        rows.append(Row(source, title, "Numbers", cells))
    return _table(results, "paper_verdicts", "How the numbers compare", columns, rows, RULE, head="Source")


def statements_table(results: Results, statements: Sequence[Statement]) -> Table:
    """What the paper says in words, in order or in counts, and what is so here."""
    columns = text_columns(paper="Paper, other patients", ours="Ours", verdict="Verdict")
    rows = [
        Row(
            key=statement.key,
            label=statement.about,
            group=statement.group,
            cells={name: Cell(text=getattr(statement, name)) for name in ("paper", "ours", "verdict")},
        )
        for statement in statements
    ]
    note = "An order of means is compared as it stands, however small the differences."
    return _table(results, "paper_statements", "What the paper says in words", columns, rows, note, head="Statement")


def comparison_lead(results: Results, comparisons: Sequence[PaperComparison]) -> str:
    """The counts in two sentences, or why there are none."""
    counts = Counter(item.verdict for item in comparisons)
    compared = [verdict for verdict in (Verdict.OVERLAP, Verdict.HIGHER, Verdict.LOWER) if counts[verdict]]
    n = sum(counts[verdict] for verdict in compared)
    counted = ", ".join(f"{VERDICT_WORDS[verdict]} in {counts[verdict]}" for verdict in compared)
    why_none = " yet" if is_papers_outcome(results) else f": {OTHER_OUTCOME}"
    first = f"{n} numbers of the paper stand beside ours: {counted}." if n else f"No number can be compared{why_none}."
    return f"{first} {OTHER_PATIENTS}"


VERDICT_WORDS = {
    Verdict.OVERLAP: "the intervals overlap",
    Verdict.HIGHER: "ours is higher",
    Verdict.LOWER: "ours is lower",
}


def _ours(item: PaperComparison) -> Cell:
    if item.ours is None:
        return Cell()
    return Cell(item.ours.mean, item.ours.std if item.ours.runs > 1 else None)


def _paper(item: PaperComparison) -> Cell:
    if item.paper is None:
        return Cell()
    return Cell(item.paper.mean / 100, None if item.paper.std is None else item.paper.std / 100)


def _table(
    results: Results, name: str, title: str, columns: list[Column], rows: list[Row], note: str, head: str
) -> Table:
    caption = f"{words.caption(results).replace(' Best bold, second best underlined.', '')} {note}"
    title = f"{title} ({PAPER_LABEL})"
    return results_table(results, name, title, columns, rows, caption, [OTHER_PATIENTS], head=head, counts_runs=False)


def notes_table() -> Table:
    """The notes of `notes.yaml` as a table, one row each."""
    notes = yaml.safe_load((files("strokebench.reports.paper") / "notes.yaml").read_text(encoding="utf-8"))
    columns = text_columns(found="In the paper", reading="Our reading", why="Why")
    group = "Contradictions and gaps"
    rows = [
        Row(note["key"], note["about"], group, {column.key: Cell(text=note[column.key]) for column in columns})
        for note in notes
    ]
    return Table(
        name="paper_notes",
        title="Contradictions and gaps of the paper",
        cohort="the paper's own text",
        caption="What the paper says that cannot all be true, or does not say, and the reading that is taken here.",
        columns=columns,
        rows=rows,
        head="Subject",
        counts_runs=False,
    )
