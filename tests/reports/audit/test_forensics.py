"""The audit against the paper's rows, whose matrices are known, and against made-up runs."""

from decimal import Decimal

import numpy as np
import pytest

from strokebench.errors import StrokebenchError
from strokebench.reports.audit import search
from strokebench.reports.audit.forensics import AUDITED, Design, PrintedRow, Solvability, audit, audit_row, run_metrics
from strokebench.reports.audit.read import read_printed
from strokebench.reports.audit.search import Limits
from strokebench.reports.audit.table import audit_table, matrices_table
from strokebench.reports.tables.render import to_csv, to_markdown

PAPER = Design(46, 100, 4)

# Worked out independently, by trying all runs; (TP, TN).
MATRICES = {
    "table1/vdafm": ((29, 84), (29, 90), (33, 87), (33, 89)),
    "table2/text": ((28, 37), (40, 12), (41, 13), (44, 12)),
    "table2/image": ((19, 89), (33, 62), (34, 61), (39, 50)),
    "table2/table": ((25, 87), (28, 73), (30, 86), (36, 73)),
    "table2/text+image": ((25, 84), (28, 72), (31, 63), (34, 66)),
    "table2/text+table": ((29, 84), (30, 84), (32, 69), (34, 87)),
    "table2/image+table": ((28, 87), (29, 85), (30, 82), (31, 74)),
    "table2/text+image+table": ((29, 84), (29, 90), (33, 87), (33, 89)),
    "table3/cls": ((30, 85), (31, 78), (33, 83), (33, 87)),
    "table3/cls+con": ((30, 85), (31, 79), (32, 85), (33, 87)),
    "table3/cls+con+sem": ((29, 84), (29, 90), (33, 87), (33, 89)),
}


def printed(runs, design, ddof=0, name="made up"):
    values = [run_metrics(tp, tn, design) for tp, tn in runs]
    cells = {}
    for metric in AUDITED:
        of_runs = [100 * value[metric] for value in values]
        cells[metric, "mean"] = Decimal(f"{np.mean(of_runs):.{design.decimals}f}")
        cells[metric, "std"] = Decimal(f"{np.std(of_runs, ddof=ddof):.{design.decimals}f}")
    return PrintedRow(name, cells)


def random_runs(rng, design):
    tp = rng.binomial(design.positives, 0.65, design.runs).tolist()
    tn = rng.binomial(design.negatives, 0.85, design.runs).tolist()
    return tuple(sorted(zip(tp, tn, strict=True)))


@pytest.fixture(scope="module")
def paper():
    return {finding.row.name: finding for finding in audit(read_printed(), PAPER)}


@pytest.mark.parametrize("name", MATRICES)
def test_rows_of_the_paper_have_one_solution(paper, name):
    finding = paper[name]
    assert finding.verdict is Solvability.ONE
    assert finding.matrices == (MATRICES[name],)
    assert finding.ddof == 0 and finding.solutions[1] == ()


def test_one_printed_deviation_of_the_paper_is_wrong(paper):
    finding = paper["table3/cls+sem"]
    assert finding.verdict is Solvability.NONE and not finding.unrepresentable
    (suspect,) = finding.suspects
    assert (suspect.cell, suspect.printed, suspect.implied) == (("F1", "std"), Decimal("2.24"), (2.44,))
    assert finding.single == ((30, 86), (32, 79), (32, 87), (32, 87))


def test_means_that_no_patients_give(paper):
    wrong = {found.metric: found.nearest for found in paper["table1/mlp"].unrepresentable}
    assert wrong["Recall"] == pytest.approx((100 * 63 / 184, 100 * 64 / 184))
    assert wrong["Specificity"] == pytest.approx((92.25, 92.5))
    assert not paper["table1/fusion"].unrepresentable
    assert paper["table1/fusion"].verdict is Solvability.OPEN


@pytest.mark.parametrize("ddof", (0, 1))
@pytest.mark.parametrize("design", (PAPER, Design(20, 31, 3), Design(60, 140, 5), Design(46, 100, 4, decimals=1)))
def test_the_truth_is_among_the_solutions(design, ddof):
    rng = np.random.default_rng([7, design.positives, design.decimals, ddof])
    listed = 0
    for _ in range(3):
        runs = random_runs(rng, design)
        found = audit_row(printed(runs, design, ddof), design).solutions[ddof]
        assert found is None or runs in found
        listed += found is not None
    assert listed


def test_a_deviation_of_the_other_kind_is_told_apart():
    runs = random_runs(np.random.default_rng(3), PAPER)
    for ddof in (0, 1):
        finding = audit_row(printed(runs, PAPER, ddof), PAPER)
        assert finding.ddof == ddof and runs in finding.matrices
        said = f"1 is possible only with the {'sample' if ddof else 'population'} deviation."
        assert said in audit_table([finding], PAPER).caption


@pytest.mark.parametrize("cell", (("F1", "std"), ("Recall", "mean"), ("Precision", "mean"), ("ACC", "std")))
def test_a_corrupted_cell_is_found(cell):
    runs = MATRICES["table3/cls"]
    row = printed(runs, PAPER)
    truth = row.cells[cell]
    finding = audit_row(PrintedRow("bad", {**row.cells, cell: truth + Decimal("0.37")}), PAPER)
    assert finding.verdict is Solvability.NONE
    blamed = {suspect.cell: suspect for suspect in finding.suspects if suspect.ddof == 0}
    assert float(truth) in blamed[cell].implied
    assert runs in blamed[cell].solutions


def test_f1_of_mean_precision_and_recall_is_not_taken_for_the_mean_of_f1():
    row = printed(MATRICES["table2/text"], PAPER)
    precision, recall = (float(row.cells[metric, "mean"]) for metric in ("Precision", "Recall"))
    of_means = Decimal(f"{2 * precision * recall / (precision + recall):.2f}")
    assert of_means != row.cells["F1", "mean"]
    finding = audit_row(PrintedRow("of means", {**row.cells, ("F1", "mean"): of_means}), PAPER)
    assert finding.verdict is Solvability.NONE
    assert ("F1", "mean") in {suspect.cell for suspect in finding.suspects}


def test_nobody_called_positive_and_everybody_right():
    for runs in (((0, 100),) * 4, ((46, 100),) * 4):
        assert audit_row(printed(runs, PAPER), PAPER).matrices == (runs,)


def test_the_wrong_number_of_patients_has_no_solution():
    assert audit_row(printed(MATRICES["table3/cls"], PAPER), Design(47, 99, 4)).verdict is Solvability.NONE


def test_too_much_to_list_is_said_and_not_denied():
    row = printed(MATRICES["table2/image"], PAPER)
    finding = audit_row(row, PAPER, Limits(candidates=3))
    assert finding.verdict is Solvability.OPEN and not finding.suspects and finding.single is None


@pytest.mark.parametrize(
    ("metric", "mean", "std", "verdict"),
    [("ACC", "68.49", "2.30", Solvability.OPEN), ("Recall", "67.39", "4.10", Solvability.NONE)],
)
def test_of_one_metric_alone_nothing_is_listed_in_vain(monkeypatch, metric, mean, std, verdict):
    """It took minutes: the sums that leave least open came first, and each was counted anew."""
    monkeypatch.setattr(search, "_joined", lambda *_: pytest.fail("lists what leaves too much open"))
    row = PrintedRow("a", {(metric, "mean"): Decimal(mean), (metric, "std"): Decimal(std)})
    assert audit_row(row, PAPER).verdict is verdict


def test_wide_and_long_forms_read_alike(tmp_path):
    (tmp_path / "long.csv").write_text("row,metric,mean,std\na,ACC,81.16,2.3\na,AUC,81,1\na,Recall,67.39,\n")
    (tmp_path / "cell.csv").write_text("method,Accuracy,Sensitivity,AUC\na,81.16 ± 2.30,67.39,80\n")
    (tmp_path / "beside.csv").write_text("key,ACC,ACC_std,Recall,Recall_std\na,81.16,2.30,67.39,\n")
    read = [read_printed(tmp_path / f"{name}.csv") for name in ("long", "cell", "beside")]
    assert [row.name for (row,) in read] == ["a", "a", "a"]
    assert read[0][0].cells == read[1][0].cells == read[2][0].cells
    assert set(read[0][0].cells) == {("ACC", "mean"), ("ACC", "std"), ("Recall", "mean")}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("row,metric,mean,std\na,ACC,81.16,x\n", ("line 2", "column std", "'x'")),
        ("row,metric,mean,std\na,ACC,181.16,\n", ("line 2", "column mean", "181.16")),
        ("method,ACC\na,81.16\nb,high\n", ("line 3", "column ACC", "'high'")),
        ("method,ACC\na,81.1634\n", ("line 2", "column ACC", "decimals")),
        ("method,ACC\na,81.16\na,81.20\n", ("line 3", "column ACC", "twice")),
        ("method,score\na,81.16\n", ("score",)),
        ("method,ACC\na,-\n", ("no number",)),
        ("", ("nothing",)),
    ],
)
def test_bad_input_is_named(tmp_path, text, named):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(StrokebenchError) as error:
        read_printed(path)
    for part in (str(path), *named):
        assert part in error.value.message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StrokebenchError, match=r"nowhere\.csv"):
        read_printed(tmp_path / "nowhere.csv")


def test_tables_say_what_was_found(paper):
    findings = list(paper.values())
    table = audit_table(findings, PAPER)
    text = to_markdown(table)
    assert "2.44" in text and "34.57" in text
    rows = {row.key: row for row in table.rows}
    assert rows["table2/text"].cells["runs"].text == "28/37 40/12 41/13 44/12"
    matrices = to_csv(matrices_table(findings, PAPER)).splitlines()
    assert len(matrices) == 1 + 4 * (len(MATRICES) + 1)
    assert any("table2/image/1,run 1,19,27,89,11,73.97,50.00,41.30,63.33,89.00" in line for line in matrices)


def test_numbers_have_the_decimals_that_were_printed():
    design = Design(10, 20, 1, decimals=1)
    [finding] = audit([PrintedRow("a", {("ACC", "mean"): Decimal("51.1")})], design)
    [row] = audit_table([finding], design).rows
    assert "(nearest 50.0 and 53.3)" in row.cells["impossible"].text
