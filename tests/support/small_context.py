"""A context on the small cohort, whose embeddings tell a little of the outcome."""

from dataclasses import replace

import numpy as np
from small_cohort import make_cohort, make_embeddings

from strokebench.benchmarks.running.build import shuffled
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.settings import Settings
from strokebench.tasks.endpoints.parse import parse_endpoint
from strokebench.tasks.fold import Split
from strokebench.tasks.protocols import make_split


def make_context(n: int = 60, folds: int = 2, **settings) -> Context:
    """Two folds of one seed, in this process unless `jobs` says otherwise."""
    cohort = make_cohort(n, synthetic=True)
    embeddings = make_embeddings(cohort)
    endpoint = parse_endpoint("nihss < 7")
    labels = endpoint.labels(cohort)
    image = embeddings.arrays["image.vector"] + labels.loc[cohort.ids].to_numpy(np.float32)[:, None]
    embeddings = replace(embeddings, arrays={**embeddings.arrays, "image.vector": image}, fingerprint="small")
    settings = Settings(**{"dataset": "small", "seeds": (39,), "jobs": 1, "tracking": False, **settings})
    if settings.shuffle_labels is not None:
        labels = shuffled(labels, settings.shuffle_labels)
    split = make_split(settings.protocol, endpoint.strata(labels), cohort.site, settings.seeds)
    return Context(settings, cohort, embeddings, endpoint, labels, Split(split.protocol, split.folds[:folds]))
