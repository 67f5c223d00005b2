"""A validation: updates never know whom they are tested on, and populations are held against each other by summary."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest
from grades import as_grades
from made_up import made_up, plan

from strokebench.reports.clinical.calibration import updated
from strokebench.reports.clinical.pooled import pool
from strokebench.reports.cohort.table_one import smd
from strokebench.reports.results import Results
from strokebench.reports.tables.render import to_markdown
from strokebench.reports.validation.case_mix import Population, case_mix_table
from strokebench.reports.validation.section import ModelFacts, validation_section
from strokebench.reports.validation.updating import crossed, update, updating_table


@dataclass(frozen=True)
class Summary:
    kind: str
    unit: str = ""
    missing: float = 0.0
    mean: float | None = None
    deviation: float | None = None
    categories: dict[str, float] = field(default_factory=dict)


@pytest.fixture(scope="module")
def external() -> Results:
    """Two models on 200 patients of another place, the forest's probabilities too low there."""
    runs = plan(methods=("concat", "random_forest"), seeds=(0,), folds=(0,))
    results = made_up(runs, signal={"concat": 2.0, "random_forest": 1.0}, sites={0: ("elsewhere", 200, 60)})
    shift = np.where(results.predictions["method"] == "random_forest", 1.5, 0.0)
    odds = np.log(results.predictions["p"] / (1 - results.predictions["p"])) - shift
    return replace(
        results,
        predictions=results.predictions.assign(p=1 / (1 + np.exp(-odds)), protocol="external"),
        runs=results.runs.assign(balance="none"),
        provenance={**results.provenance, "protocol": "external", "n_positive": 60},
    )


HERE = Population("made-up cohort", 200, (0.7, 0.3), {"age": Summary("numeric", "years", 0.1, 72.0, 10.0)})
THERE = Population("another cohort", 400, (0.5, 0.5), {"age": Summary("numeric", "years", 0.0, 66.0, 12.0)})
FACTS = ModelFacts(THERE, "training was not balanced", {}, 0, ())


def test_an_update_is_logistic_recalibration_on_the_others():
    random = np.random.default_rng(0)
    true = random.uniform(0.05, 0.95, 4000)
    y = random.random(4000) < true
    odds = np.log(true / (1 - true))
    wrong = 1 / (1 + np.exp(-(2 * odds - 1)))
    both = updated(y[:2000], wrong[:2000], wrong[2000:], slope=True)
    assert np.abs(both - true[2000:]).max() < 0.05
    level = updated(y[:2000], wrong[:2000], wrong[2000:], slope=False)
    assert level.mean() == pytest.approx(true[2000:].mean(), abs=0.02) and np.abs(level - true[2000:]).max() > 0.1
    assert updated(np.ones(20, bool), wrong[:20], wrong[20:30], slope=True) is None


def test_nobodys_own_label_moves_his_updated_probability(external):
    scores = pool(external)
    p, half = scores.p[0, 0], np.arange(len(scores.y)) % 2 == 0
    first = crossed(scores.y, p, half, slope=True)
    changed = scores.y.copy()
    changed[np.flatnonzero(half & ~changed)[:20]] = True
    again = crossed(changed, p, half, slope=True)
    assert np.array_equal(first[half], again[half]) and not np.isclose(first[~half], again[~half]).any()


def test_updates_stand_beside_the_models_as_they_are(external):
    scores = pool(external)
    found = update(scores)
    assert found.names[:3] == ("concat", "concat/intercept", "concat/slope") and len(found.groups) == 4
    assert np.array_equal(found.p[0], np.tile(scores.p[0, 0], (4, 1))) and not np.isnan(found.p).any()


def test_updating_mends_the_level_and_says_on_how_many(external):
    table = updating_table(external, pool(external))
    cells = {row.key: {key: cell.text for key, cell in row.cells.items()} for row in table.rows}
    assert [cells[f"random_forest{way}"]["used"] for way in ("", "/intercept", "/slope")] == ["0", "100", "100"]
    before, after = (float(cells[name]["large"].split()[0]) for name in ("random_forest", "random_forest/intercept"))
    assert before > 0.5 and abs(after) < 0.1
    assert float(cells["random_forest/intercept"]["gain"].split()[0]) > 0 and "gain" not in cells["random_forest"]
    assert "Protocol external" in table.caption


def test_summaries_give_the_smd_of_the_patients():
    random = np.random.default_rng(1)
    groups = pd.Series(["a"] * 300 + ["b"] * 200)
    age = pd.Series(np.r_[random.normal(70, 10, 300), random.normal(65, 14, 200)])
    sex = pd.Series(random.choice(["F", "M", "X"], 500, p=[0.5, 0.4, 0.1]))

    def summed(name: str) -> dict[str, Summary]:
        part = (groups == name).to_numpy()
        return {
            "age": Summary("numeric", "years", 0.0, age[part].mean(), age[part].std()),
            "sex": Summary("categorical", categories=dict(sex[part].value_counts(normalize=True))),
            "new": Summary("numeric", "", 1.0) if name == "b" else Summary("numeric", "", 0.0, 1.0, 1.0),
        }

    there, here = (Population(name, 100, (0.6, 0.4), summed(name)) for name in "ab")
    rows = {row.label: row.cells for row in case_mix_table(made_up(plan()), [there], here).rows}
    assert float(rows["age (years)"]["smd"].text.rstrip(" !")) == pytest.approx(smd(age, groups), abs=0.006)
    assert float(rows["sex"]["smd"].text.rstrip(" !")) == pytest.approx(smd(sex, groups), abs=0.006)
    assert rows["new"]["smd"].text == "–" and rows["new"]["here"].text == "–"
    assert rows["new"]["missing"].text == "0.0 / 100.0" and rows["nihss < 7"]["smd"].text == "0.00"


def test_every_caption_says_external(external):
    facts = {
        "concat": FACTS,
        "random_forest": replace(FACTS, seen={"table": 3, "image": 1}, notes=("age: 2 lie outside",)),
    }
    section = validation_section(external, facts, HERE)
    tables = {panel.name: panel.content for panel in section.panels if hasattr(panel.content, "caption")}
    assert {"validated_models", "clinical_scores", "calibration", "comparison", "updating", "case_mix"} <= tables.keys()
    assert all("external" in f"{table.caption}" for table in tables.values())
    assert "thresholds" not in tables
    assert not any("Out-of-fold" in to_markdown(table) for table in tables.values())
    assert section.warnings == [
        "Random Forest was made of 4 of these patients (recognised by table: 3, image: 1), which flatters it; "
        "--without-seen leaves them out."
    ]
    assert section.lead.startswith("2 models on 200 patients of made-up cohort")
    assert "age: 2 lie outside" in to_markdown(tables["validated_models"])
    assert "0.54 !" in to_markdown(tables["case_mix"])


def test_of_grades_the_case_mix_has_a_row_a_grade():
    results = as_grades(made_up(plan(seeds=(39,), folds=(0,))))
    there, here = (Population(name, 100, shares) for name, shares in (("a", (0.6, 0.2, 0.2)), ("b", (0.3, 0.5, 0.2))))
    rows = {row.label: row.cells for row in case_mix_table(results, [there], here).rows}
    assert rows["mrs 0 to 2"]["there"].text == "" and rows["mrs 0 to 2"]["smd"].text == "0.72 !"
    told = [(cells["there"].text, cells["here"].text) for label, cells in rows.items() if label.startswith("  mrs ")]
    assert told == [("60.0 %", "30.0 %"), ("20.0 %", "50.0 %"), ("20.0 %", "20.0 %")]
