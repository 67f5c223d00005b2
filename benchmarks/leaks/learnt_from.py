"""Has an encoder, or the model that wrote the texts, learnt from the cohort's own patients?"""

import re
from collections.abc import Mapping

from strokebench.benchmarks.leaks.finding import Finding
from strokebench.benchmarks.running.context import Context
from strokebench.datasets.cohort import Cohort

PUBLIC: Mapping[str, str] = {
    "SOOP": r"soop|stroke outcome optimi[sz]ation project|ds004889",
    "ISLES": r"isles['\u2019]?(?:\d\d|20\d\d)?|ischa?emic stroke lesion segmentation",
    "ATLAS": r"atlas[ _-]?[rv]?[12](?:\.\d)?|anatomical tracings of lesions after stroke",
}
"""Public sets of strokes that published models have learnt from, and how their names are written."""
WRITER = "text_trained_on"
"""What the model that wrote a cohort's texts has learnt from, among the facts of `Cohort.about`."""


def learnt_from_cohort(context: Context) -> list[Finding]:
    """A model and the cohort name the same data set; a model that knows the test patients is not tested by them."""
    here = _sets(_said_of(context.cohort)) | {context.cohort.name.lower()}
    models = {f"encoder {name}": " ".join(sets) for name, sets in context.embeddings.trained_on.items()}
    models["model that wrote the texts"] = context.cohort.about.get(WRITER, "")
    return [
        Finding(
            "learnt_from_cohort",
            "alarm",
            f"The {model} has learnt from {', '.join(sorted(shared))}, and these patients are of it.",
            "Choose another, or show that no test patient was among those that it has learnt from.",
        )
        for model, said in models.items()
        if (shared := here & (_sets(said) | _names(said)))
    ]


def _said_of(cohort: Cohort) -> str:
    # What is said of models is not said of the patients.
    said = [str(said) for name, said in cohort.about.items() if not name.endswith(("_trained_on", "_features"))]
    return " ".join([cohort.name, cohort.title, *said])


def _sets(said: str) -> set[str]:
    return {name for name, form in PUBLIC.items() if re.search(rf"(?<![a-z])(?:{form})(?![a-z])", said.lower())}


def _names(said: str) -> set[str]:
    """Words of a list of data sets, without the owner that the hub puts before a name."""
    return {word.rpartition("/")[2] for word in re.split(r"[\s,;]+", said.lower())}
