"""How much of a model's error at a new place is mended by a few patients of that place?"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from strokebench.reports.clinical.calibration import recalibrate, updated
from strokebench.reports.clinical.pooled import label_of, ordered, resample_patients
from strokebench.reports.results import Results
from strokebench.reports.statistics.bootstrap import Bootstrap, bootstrap
from strokebench.reports.statistics.gains import brier_gain
from strokebench.reports.statistics.scores import Scores
from strokebench.reports.statistics.weighted import weighted_brier
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import Cell, Row, Table, text_columns

WAYS = {"intercept": "intercept", "slope": "intercept and slope"}
"""Ways of updating beside none, as tables call them."""
SEEDS = (39, 40, 41, 42)
"""Of the halves that patients are cut into (our choice: those of the suite's splits)."""


def update(scores: Scores, seeds: Sequence[int] = SEEDS) -> Scores:
    """Every model as it is and updated in each of `WAYS`, each patient by what the other half of the patients shows.

    For each seed patients are cut into halves, alike in events; either half updates the model for the other, so that
    all are tested, and nobody by an update that knew the label.

    Args:
        scores: one group, in which every model predicts each patient.

    Returns:
        Names `MODEL`, `MODEL/intercept` and `MODEL/slope`, one group a seed; NaN where no update could be fitted.
    """
    halves = [_half(scores.y, seed) for seed in seeds]
    names, p = [], []
    for name, found in zip(scores.names, scores.p[:, 0], strict=True):
        names += [name, *(f"{name}/{way}" for way in WAYS)]
        p += [np.tile(found, (len(seeds), 1))]
        p += [np.stack([crossed(scores.y, found, half, way == "slope") for half in halves]) for way in WAYS]
    return replace(scores, names=tuple(names), groups=tuple((seed, -1) for seed in seeds), p=np.stack(p))


def _half(y: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    random = np.random.default_rng(seed)
    half = np.zeros(len(y), bool)
    for members in (np.flatnonzero(y), np.flatnonzero(~y)):
        half[random.permutation(members)[: len(members) // 2]] = True
    return half


def crossed(y: NDArray[np.bool_], p: NDArray[np.float64], half: NDArray[np.bool_], slope: bool) -> NDArray[np.float64]:
    """Probabilities (n,) of which each half's are updated by the other half; NaN for all where one cannot be."""
    found = np.full(len(y), np.nan)
    for tested in (half, ~half):
        mended = updated(y[~tested], p[~tested], p[tested], slope)
        if mended is None:
            return np.full(len(y), np.nan)
        found[tested] = mended
    return found


def updating_table(results: Results, scores: Scores) -> Table:
    """Calibration and Brier score of each model as it is, and after each way of updating (`update`)."""
    found, n = update(scores), len(scores.y)
    briers = bootstrap(found, weighted_brier, weights=resample_patients(n))
    rows = []
    for setting in ordered(results):
        for way, said in {"": "as it is", **WAYS}.items():
            name = f"{setting.name}/{way}" if way else setting.name
            cells = {"used": f"{n // 2}" if way else "0", **_cells(found, setting.name, name, briers)}
            texts = {key: Cell(text=text) for key, text in cells.items()}
            rows.append(Row(name, said, label_of(results, setting.name), texts))
    notes = [
        f"Each patient is tested by an update on the other half of the patients ({n // 2} of {n}, alike in events), "
        f"never by one that knew the label; mean over {len(SEEDS)} draws of the halves. Intercept: the average "
        "probability is mended; with the slope, too extreme or too timid probabilities are mended as well (logistic "
        "recalibration). Neither changes who is ranked before whom.",
        "Brier gain: how far the Brier score falls, with its interval over patients; updates are taken as they are. "
        "An update whose gain is not shown may harm on few patients.",
    ]
    return results_table(
        results,
        "updating",
        "Updating the models",
        text_columns(used="Patients used", large="In the large", slope="Slope", brier="Brier", gain="Brier gain"),
        rows,
        words.outcome_in_words(results),
        notes,
        head="Update",
        counts_runs=False,
    )


def _cells(found: Scores, model: str, name: str, briers: Bootstrap) -> dict[str, str]:
    before, after = (found.names.index(one) for one in (model, name))
    calibration = recalibrate(found, name)
    cells = {
        "large": calibration.in_the_large.text(1, 2),
        "slope": calibration.slope.text(1, 2),
        "brier": briers.interval(after).text(1, 3),
    }
    if before != after:
        cells["gain"] = brier_gain(found, before, after, None).text(1, 3, signed=True)
    return cells
