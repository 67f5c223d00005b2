"""A clean cohort with everything that an alarm reads, into which the tests plant leaks."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_cohort import make_cohort, make_embeddings

from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.settings import Settings
from strokebench.datasets.cohort import Cohort
from strokebench.tasks.endpoints.parse import parse_endpoint
from strokebench.tasks.protocols import make_split

N = 200
REGIONS = ("insula", "putamen", "caudate", "thalamus", "frontal lobe", "parietal lobe", "occipital lobe", "pons")

Maker = Callable[..., Context]


def make_texts(cohort: Cohort) -> pd.DataFrame:
    """Answers from a template, none the same by length but the last, which nearly all share."""
    random = np.random.default_rng(2)
    rows = []
    for _ in cohort.ids:
        volume, regions = random.gamma(1, 30), random.choice(REGIONS, 4, replace=False)
        side = random.choice(["left", "right"])
        rows.append(
            {
                "infarct_volume": f"The acute infarct has a volume of about {volume:.1f} ml in the {side} hemisphere.",
                "lesion_areas": f"The lesion involves {', '.join(regions[:3])} and a small part of the {regions[3]}. "
                f"Signal change is seen over {random.integers(1, 90)} % of the {regions[0]} on the {side} side.",
                "mass_effect": "The ventricles and sulci near the lesion are not effaced, the midline is central.",
            }
        )
    return pd.DataFrame(rows, index=cohort.ids)


@pytest.fixture
def make() -> Maker:
    """A context on the clean cohort; `cohort`, `embeddings`, `outcome` replace its parts by functions of them."""

    def build(cohort=None, embeddings=None, outcome: str = "nihss < 7", text_embeddings=None, **settings) -> Context:
        patients = make_cohort(N, synthetic=True)
        patients = replace(patients, texts=make_texts(patients))
        arrays = replace(make_embeddings(patients), fingerprint="small")
        patients = cohort(patients) if cohort else patients
        arrays = embeddings(arrays) if embeddings else arrays
        rule = parse_endpoint(outcome, settings.get("keep_scale_text", False))
        labels = rule.labels(patients)
        chosen = Settings(**{"dataset": "small", "seeds": (39, 40), "jobs": 1, "tracking": False, **settings})
        split = make_split(chosen.protocol, rule.strata(labels), patients.site, chosen.seeds)
        return Context(chosen, patients, arrays, rule, labels, split)

    return build


@pytest.fixture
def with_column() -> Callable:
    """Adds a column to a cohort's table."""

    def add(cohort: Cohort, name: str, values, kind: str = "numeric") -> Cohort:
        from strokebench.datasets.cohort import Column, Kind

        table = cohort.table.assign(**{name: values})
        return replace(cohort, table=table, columns={**cohort.columns, name: Column(Kind(kind))})

    return add
