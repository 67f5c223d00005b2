import pandas as pd
import pytest
from small_cohort import make_cohort, make_embeddings

from strokebench.datasets.cohort import Cohort
from strokebench.datasets.embeddings import Embeddings


@pytest.fixture
def cohort() -> Cohort:
    return make_cohort()


@pytest.fixture
def embeddings(cohort: Cohort) -> Embeddings:
    return make_embeddings(cohort)


@pytest.fixture
def labels(cohort: Cohort) -> pd.Series:
    return (cohort.table["nihss"] < 7).astype("int8")
