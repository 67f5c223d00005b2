"""Recompute printed numbers from stored predictions, by pandas and scikit-learn alone: recompute.py FOLDER...

Knows nothing of the project but its files: `predictions.parquet`, `patient_facts.parquet`, `groups.parquet`,
`runs.parquet`, `results.json` and the CSV files of the experiments in `READERS`; of grades those of `table1`, but for
the odds, and of what ranks them by c. A folder may be an experiment's or any above.
Ends with 1 if a number is another, or if there was none to recompute.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from recompute_beyond import added_value, comparison, missing
from recompute_clinical import clinical
from recompute_stored import HALF, METRICS, OF_GRADES, Check, Stored, auc_limits, by_run, deviation, mean


def metrics(check: Check, row: pd.Series, runs: pd.DataFrame) -> None:
    """Mean and population deviation of the metrics of a row; a table of costs has the first alone."""
    shown = METRICS if METRICS[0] in runs else OF_GRADES
    for metric in shown[:1] if check.file.stem.endswith("_cost") else shown:
        half = HALF / 10 if metric in ("Kappa", "MAE") else HALF
        for column, value in ((metric, mean(runs[metric])), (f"{metric}_std", deviation(runs[metric]))):
            check.number(f"{row['key']} {column}", row[column], value, half)


def difference(check: Check, row: pd.Series, runs: pd.DataFrame, reference: pd.DataFrame, stored: Stored) -> None:
    """`+1.98 ± 1.01`: mean of the paired differences, and their error."""
    paired = (by_run(runs) - by_run(reference)).dropna()
    shown = str(row["difference"]).split(" ± ")
    check.number(f"{row['key']} difference", shown[0], paired.mean())
    if len(paired) > 1:
        check.number(f"{row['key']} error of the difference", shown[1], 100 * stored.error(runs, reference))


def settings(check: Check, table: pd.DataFrame, stored: Stored) -> None:
    """Table 1, Table 2, Table 3 and the grids: a row is a method, or a method with variant and condition."""
    rows = {}
    for _, row in table.iterrows():
        method, *rest = row["key"].split("/")
        wanted = dict(zip(("variant", "condition"), rest, strict=False))
        rows[row["key"]] = stored.oracle() if method == "oracle" else stored.of(method=method, **wanted)
        metrics(check, row, rows[row["key"]])
    if "difference" in table:
        differences(check, table, rows, stored)


def differences(check: Check, table: pd.DataFrame, rows: dict[str, pd.DataFrame], stored: Stored) -> None:
    """Of each row of a method to the row that its group is compared with."""
    for _, group in table.groupby("category"):
        reference = rows[group.loc[group["difference"] == "reference", "key"].iloc[0]]
        for _, row in group[~group["difference"].isin(["reference", ""])].dropna(subset="difference").iterrows():
            difference(check, row, rows[row["key"]], reference, stored)


def tuned(check: Check, table: pd.DataFrame, stored: Stored) -> None:
    """The defaults, and of each fold the setting that was best on its validation part; of equals the first planned."""
    fit = ["method", "seed", "fold"]
    done = stored.planned[stored.planned["status"] == "done"]
    waiting = stored.planned[stored.planned["status"] == "missing"]
    done = done[~done.set_index(fit).index.isin(waiting.set_index(fit).index)]
    best = done[done["validation_score"] == done.groupby(fit)["validation_score"].transform("max")].groupby(fit).first()
    chosen = stored.runs.merge(best.reset_index()[[*fit, "variant"]])
    rows = {}
    for key in table["key"]:
        method, variant, _ = key.split("/")
        rows[key] = chosen[chosen["method"] == method] if variant else stored.of(method=method, variant="")
    for _, row in table.iterrows():
        metrics(check, row, rows[row["key"]])
    differences(check, table, rows, stored)


def cuts(check: Check, table: pd.DataFrame, stored: Stored) -> None:
    """AUC of each cut between grades, `mrs > 2`."""
    for name in (column for column in table if re.search(r" > \d+$", column)):
        at = Stored(check.file.parent, int(name.rpartition(" ")[2]))
        for _, row in table.iterrows():
            aucs = at.named(row["key"])["AUC"]
            check.number(f"{row['key']} {name}", row[name], mean(aucs))
            check.number(f"{row['key']} {name}_std", row[f"{name}_std"], deviation(aucs))


def hospitals(check: Check, table: pd.DataFrame, stored: Stored) -> None:
    """Figure 5: a row a hospital and method, a row a hospital with a column a method, or all unrounded."""
    if check.file.stem == "figure5_hospitals":
        return unrounded(check, table, stored)
    if check.file.stem == "figure5_table":
        for _, row in table.iterrows():
            fold, method = row["key"].split("/")
            metrics(check, row, stored.tested_at(int(fold), method))
        return None
    rows = table.astype({"key": str}).set_index("key")
    folds = [int(key) for key in rows.index.drop("mean")]
    for fold in folds:
        printed = re.findall(r"\d+", str(rows.loc[str(fold), "patients"])) or [0, 0]
        for what, shown, true in zip(("patients", "events"), printed, stored.patients_of(fold), strict=True):
            check.number(f"{fold} {what}", shown, true)
    for method in {known["name"] for known in stored.facts["methods"]} & set(table):
        aucs = {fold: mean(stored.tested_at(fold, method)["AUC"]) for fold in folds}
        for fold, auc in aucs.items():
            check.number(f"{fold} {method}", rows.loc[str(fold), method], auc)
        # One that nobody was tested at yet leaves no mean; one that is too small is in none.
        counted = [fold for fold in folds if stored.judged(fold) or not stored.patients_of(fold)[0]]
        check.number(f"mean {method}", rows.loc["mean", method], mean(pd.Series(aucs)[counted]))


def unrounded(check: Check, table: pd.DataFrame, stored: Stored) -> None:
    """A line a hospital and method: patients, runs, metrics as shares, and the interval of the AUC."""
    planned = stored.planned
    sites = stored.predictions.groupby("fold")["site"].first()
    folds = {sites.get(fold, f"Hospital {fold + 1}"): fold for fold in planned["fold"].unique()}
    for _, row in table.iterrows():
        fold, method = folds[row["hospital"]], row["method"]
        runs = stored.tested_at(fold, method)
        n, events = stored.patients_of(fold)
        auc = mean(runs["AUC"]) / 100
        low, high = auc_limits(auc, events, n - events)
        true = {
            "patients": n,
            "events": events,
            "runs_done": len(stored.of(method=method, fold=fold)),
            "runs_planned": ((planned["method"] == method) & (planned["fold"] == fold)).sum(),
            **{metric: mean(runs[metric]) / 100 for metric in METRICS},
            **{f"{metric}_std": deviation(runs[metric]) / 100 for metric in METRICS},
            "AUC_low": low,
            "AUC_high": high,
        }
        for name, value in true.items():
            check.number(f"{row['hospital']} {method} {name}", row[name], value, 1e-9)
        check.number(f"{row['hospital']} {method} left out", pd.notna(row["left_out"]), not stored.judged(fold), 0)


def angles(check: Check, table: pd.DataFrame, stored: Stored) -> None:
    """The angles before and after, `89.55 (0.18)`, and the mean of their change."""
    for _, row in table[~table["key"].str.contains(" - ")].iterrows():
        method, variant = row["key"].split("/", 1)
        mine = stored.patients[(stored.patients["method"] == method) & (stored.patients["variant"] == variant)]
        if mine.empty:
            continue
        before, after = mine["angle_before"], mine["angle_after"]
        for name, values in (("before", before), ("after", after)):
            shown = re.findall(r"[\d.]+", row[name])
            check.number(f"{row['key']} {name}", shown[0], mean(values))
            check.number(f"{row['key']} deviation {name}", shown[1], deviation(values))
        check.number(f"{row['key']} change", row["change"].split(" ")[0], (after - before).mean())


def paper(check: Check, table: pd.DataFrame, stored: Stored) -> None:
    """Ours and the difference, of every number of the paper that has one of ours beside it."""
    labels = {method["label"]: method["name"] for method in stored.facts["methods"]}
    for _, row in table.dropna(subset="ours").iterrows():
        source, _, name, metric = row["key"].split("/")
        beside = [stored.of(**wanted)[metric] for wanted in _settings(source, name, labels)]
        ours = float(np.mean([mean(values) for values in beside]))
        check.number(f"{row['key']} ours", row["ours"], ours)
        check.number(f"{row['key']} ours_std", row["ours_std"], np.mean([deviation(values) for values in beside]))
        check.number(f"{row['key']} difference", row["difference"], ours - row["paper"])


def _settings(source: str, name: str, labels: dict[str, str]) -> list[dict[str, str]]:
    whole = {"condition": "complete"}
    if source == "table2":
        kept = {part.lower() for part in name.split(" + ")}
        condition = "+".join(part for part in ("image", "text", "table") if part in kept)
        return [{"method": "vdafm", "variant": "", "condition": "complete" if len(kept) == 3 else condition}]
    if source in ("table3", "fig3"):
        off = {"Classification": ("alignment", "contrastive"), "+ contrastive": ("alignment",)}
        off |= {"+ alignment": ("contrastive",)}
        variant = ",".join(f"{loss}_weight=0.0" for loss in off.get(name, ()))
        return [{"method": "vdafm", "variant": variant} | whole]
    if source == "fig2":
        layers = re.findall(r"layers (\d+)", name)[0]
        heads = [4, 8, 16, 32] if "mean" in name else [int(re.findall(r"heads (\d+)", name)[0])]
        variants = [f"heads={n},layers={layers}" if (layers, n) != ("1", 16) else "" for n in heads]
        return [{"method": "vdafm", "variant": variant} | whole for variant in variants]
    traditional = ["xgboost", "random_forest", "svm"]
    methods = traditional if name == "mean of the traditional methods" else [labels[name]]
    return [{"method": method, "variant": ""} | whole for method in methods]


READERS = dict.fromkeys(("table1", "table2", "table3", "figure2", "figure3", "figure4", "dropout"), settings) | {
    "tuned": tuned,
    "added_value": added_value,
    "clinical": clinical,
    "figure5": hospitals,
    "alignment": angles,
    "paper": paper,
    "missing": missing,
    "comparison": comparison,
}
"""By experiment, what recomputes its CSV files."""
FIGURE5 = ("figure5_auc", "figure5_table", "figure5_hospitals")
ONLY = {
    "tuned": ("tuned",),
    "paper": ("paper_comparison",),
    "comparison": ("comparison", "comparison_pairs"),
    "figure5": FIGURE5,
}
"""Files that can be recomputed, where not all can."""

BINARY = ("clinical", "figure5")
"""Experiments that are recomputed of an event alone."""


def check_folder(folder: Path) -> Iterator[Check]:
    """Every CSV file of an experiment's folder that can be recomputed."""
    stored = Stored(folder)
    if stored.metrics == OF_GRADES and folder.name in BINARY:
        return
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in ONLY.get(folder.name, (path.stem,)) or path.stem == "grades_odds":
            continue
        check, above = Check(path), re.search(r"_above_(\d+)$", path.stem)
        reader = cuts if path.stem.endswith("_cuts") else READERS[folder.name]
        reader(check, pd.read_csv(path), Stored(folder, int(above[1])) if above else stored)
        yield check


def check_below(folder: Path) -> list[Check]:
    """Every experiment in this folder or below it that is known here."""
    known = [path.parent for path in sorted(folder.rglob("results.json")) if path.parent.name in READERS]
    return [check for experiment in known for check in check_folder(experiment)]


if __name__ == "__main__":
    checks = [check for folder in sys.argv[1:] for check in check_below(Path(folder))]
    for check in checks:
        sys.stdout.write(f"{check.file}: {check.compared} numbers, {len(check.wrong)} of them wrong\n")
        sys.stdout.write("".join(f"  {line}\n" for line in check.wrong))
    sys.stdout.write(f"{sum(check.compared for check in checks)} numbers in {len(checks)} files\n")
    sys.exit(any(check.wrong for check in checks) or not checks)
