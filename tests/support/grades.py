"""Made-up results of an event, as results of three grades: every second patient with the event has the worst."""

from dataclasses import replace

import numpy as np

from strokebench.reports.results import Results
from strokebench.tasks.endpoints.ordinal import Ordinal

GRADES = Ordinal("mrs", 0, 2)


def as_grades(results: Results) -> Results:
    """Patients are ranked as before; predictions split the event's probability evenly between its two grades."""
    events, p = results.predictions["y"], results.predictions["p"]
    worst = events * (results.predictions["patient_id"].str[1:].astype(int) % 2)
    predictions = results.predictions.drop(columns="p").assign(
        y=(events + worst).astype("int8"),
        outcome=GRADES.expression,
        **GRADES.columns(np.stack([1 - p, p / 2, p / 2], 1)),
    )
    facts = {key: value for key, value in results.provenance.items() if key != "n_positive"}
    facts |= {"outcome": GRADES.expression, "outcome_title": GRADES.expression}
    return replace(results, predictions=predictions, provenance=facts, oracle=None)
