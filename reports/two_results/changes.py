"""What made two results differ: data, split, encoders, code, versions and settings, as each states them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from strokebench.reports.results import Provenance, Results
from strokebench.reports.tables.caption import short

GROUPS = {
    "Data": (
        *("dataset", "synthetic", "data_sha256", "n_patients", "n_positive", "n_of_labels"),
        *("n_without_outcome", "not_inputs", "scale_text", "labels_shuffled"),
    ),
    "Split": ("protocol", "split_sha256", "seeds", "untested"),
    "Encoders": ("encoder_pair", "encoders", "untrained_encoders"),
    "Code": ("commit",),
    "Versions": ("versions",),
    "Machine": ("machine",),
}
"""Heading -> what of a provenance stands below it; whatever else is stated is a setting."""
FOR_PEOPLE = ("title", "outcome_title", "outcome", "created", "imported")
"""What may differ without telling of a change: names, times, and the outcome, which is the same."""
UNSTATED = "not stated"


@dataclass(frozen=True)
class Change:
    """Something that the two results state differently, each as text."""

    group: str
    what: str
    a: str
    b: str


def changes(a: Results, b: Results) -> list[Change]:
    """What the two state differently, in the order of `GROUPS`; settings, and hyper-parameters by method, last."""
    facts = [dict(_facts(results.provenance)) for results in (a, b)]
    params = [_params(results) for results in (a, b)]
    found = [
        Change(group, what, *(side.get((group, what), UNSTATED) for side in facts))
        for group, what in dict.fromkeys([*facts[0], *facts[1]])
    ]
    found += [
        Change("Settings", f"{method}: hyper-parameters", *(side[method] for side in params))
        for method in params[0]
        if method in params[1]
    ]
    order = [*GROUPS, "Settings"]
    return sorted((one for one in found if one.a != one.b), key=lambda one: order.index(one.group))


def _facts(provenance: Provenance) -> Iterator[tuple[tuple[str, str], str]]:
    groups = {name: group for group, names in GROUPS.items() for name in names}
    for name, value in provenance.items():
        if name in FOR_PEOPLE:
            continue
        group = groups.get(name, "Settings")
        if isinstance(value, Mapping):
            yield from (((group, f"{name}: {part}"), str(one)) for part, one in value.items())
        else:
            yield (group, name), _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    # A hash is told from another by its first letters; a commit may say besides that files were changed.
    return short(value) if isinstance(value, str) and len(value.partition("+")[0]) in (40, 64) else str(value)


def _params(results: Results) -> dict[str, str]:
    """Method -> its hyper-parameters that are not its defaults, where its runs stand under its own name alone."""
    return {
        setting.method.name: "; ".join(dict.fromkeys(results.runs_of(setting)["params"].astype(str)))
        for setting in results.settings.values()
        if setting.own
    }
