"""The comparison in plain words: one paragraph, made from the tests and from nothing else."""

from collections.abc import Iterable, Sequence

from strokebench.reports.comparison.compare import MethodComparison, Pair
from strokebench.reports.statistics.decisions import ALPHA, POINTS, equivalent, non_inferior
from strokebench.reports.statistics.paired import UNTESTED

_FEW = 3
"""Up to so many real differences are told one by one, with their size."""
_SETS = 4
"""Up to so many sets of methods that cannot be told apart are named (our choice: more are read off the matrix)."""


def lead(comparison: MethodComparison) -> str:
    """Which differences are real, who is better than whom, who cannot be told apart, and what is still missing."""
    names = comparison.names
    if not names:
        return "No run is finished yet: there is nothing to compare."
    if len(names) == 1:
        alone = f"Only {comparison.labels[names[0]]} has finished runs: there is nothing to compare it with."
        return " ".join([alone, *_gaps(comparison)])
    tested = [pair for pair in comparison.pairs.values() if pair.p_holm == pair.p_holm]
    real = [pair for pair in tested if pair.real]
    sentences = [_count(comparison, tested, real)]
    if real:
        sentences += [_one_by_one(comparison, real) if len(real) <= _FEW else _grouped(comparison, real)]
        sentences += _apart(comparison)
    sentences += _not_worse(comparison)
    sentences += _gaps(comparison)
    if len(real) < len(tested):
        sentences.append(_alike(comparison, [pair for pair in tested if not pair.real]))
    return " ".join(sentences)


def join(words: Sequence[str], last: str = "and") -> str:
    """`a, b and c`; `a, 1; b and c` where a word has a comma of its own, as labels of methods have."""
    comma = "; " if any(", " in word for word in words) else ", "
    return words[0] if len(words) == 1 else f"{comma.join(words[:-1])} {last} {words[-1]}"


def tests_in_words(comparison: MethodComparison) -> str:
    """What decides that a difference is real."""
    whose = "DeLong's" if comparison.metric == "AUC" else "the patients'"
    if comparison.corrects:
        return f"Student's t on the mean of {whose} and the corrected variance, Holm-adjusted p < {ALPHA:g}"
    return f"{whose} test, models as they are, Holm-adjusted p < {ALPHA:g}"


def intervals_in_words(comparison: MethodComparison) -> str:
    """What the intervals of the headline allow for."""
    if comparison.corrects:
        return (
            f"for other test patients and other training patients (of {comparison.metric} the variance over patients, "
            "widened by how often models of two seeds rank patients differently, and of one seed the corrected t over "
            "runs where it is the wider one; of a difference, and of hospitals left out, the mean of that variance and "
            "the corrected one)"
        )
    return (
        "for other test patients (the patient as cluster), models as they are: with other training patients "
        "they would be wider, for which this protocol has no estimate"
    )


def _count(comparison: MethodComparison, tested: Sequence[Pair], real: Sequence[Pair]) -> str:
    methods, metric = f"{len(comparison.names)} methods", comparison.metric
    rule = tests_in_words(comparison)
    if not tested:
        most = max(pair.runs for pair in comparison.pairs.values())
        if most > 1 or (most and not comparison.corrects):
            return f"Of the differences between {methods} {UNTESTED}."
        common = "a single run" if most else "no run"
        return f"The {methods} have {common} in common yet, so none of their differences can be tested."
    if not real:
        nearest = min(tested, key=lambda pair: (pair.p_holm, pair.tested.p))
        better, worse = (comparison.labels[name] for name in _sides(nearest))
        found = f"{_size(nearest)}, adjusted p {'' if nearest.p_holm < 0.001 else '= '}{p_value(nearest.p_holm)}"
        if len(tested) == 1:
            return f"The difference in {metric} between {better} and {worse} is not shown to be real ({rule}): {found}."
        return (
            f"None of the {len(tested)} differences in {metric} between {methods} is shown to be real ({rule}); "
            f"the nearest is {better} over {worse}, {found}."
        )
    if len(tested) == 1:
        return f"The difference in {metric} between the two methods is real ({rule})."
    some, are = ("All", "are") if len(real) == len(tested) else (str(len(real)), "is" if len(real) == 1 else "are")
    return f"{some} of the {len(tested)} differences in {metric} between {methods} {are} real ({rule})."


def _alike(comparison: MethodComparison, unreal: Sequence[Pair]) -> str:
    """How many of the pairs that cannot be told apart are practically equal, which is another thing."""
    same = sum(equivalent(pair.tested) for pair in unreal)
    within = f"within {POINTS} of {comparison.metric}"
    if not same:
        return (
            "Methods that cannot be told apart are not shown to be equal: no such pair's whole interval lies "
            f"{within}, and more patients might separate them."
        )
    if len(unreal) == 1:
        return f"The two that cannot be told apart are practically equal: the whole interval lies {within}."
    rest = "; the others are not shown to be equal" if same < len(unreal) else ""
    return (
        f"Of the {len(unreal)} pairs that cannot be told apart {same} {'is' if same == 1 else 'are'} practically equal "
        f"(the whole interval lies {within}){rest}."
    )


def _one_by_one(comparison: MethodComparison, real: Sequence[Pair]) -> str:
    clauses = []
    for pair in sorted(real, key=lambda pair: -abs(pair.tested.value)):
        better, worse = (comparison.labels[name] for name in _sides(pair))
        clauses.append(f"{better} is better than {worse} by {_size(pair)}")
    return "; ".join(clauses) + "."


def _grouped(comparison: MethodComparison, real: Sequence[Pair]) -> str:
    """Methods that are better than the same others share a clause."""
    beaten: dict[str, set[str]] = {}
    for pair in real:
        better, worse = _sides(pair)
        beaten.setdefault(better, set()).add(worse)
    clauses: dict[tuple[str, ...], list[str]] = {}
    for name in comparison.names:
        if name in beaten:
            clauses.setdefault(tuple(other for other in comparison.names if other in beaten[name]), []).append(name)
    sentences = []
    for losers, winners in clauses.items():
        are = "is" if len(winners) == 1 else "are each"
        sentences.append(f"{_listed(comparison, winners)} {are} better than {_listed(comparison, losers)}")
    return "; ".join(sentences) + "."


def _apart(comparison: MethodComparison) -> list[str]:
    """The largest sets within which no difference is real."""
    sets = [group for group in cliques(comparison) if len(group) > 1]
    if not sets:
        return []
    if len(sets) <= _SETS:
        return [f"Cannot be told apart: {'; '.join(_listed(comparison, group) for group in sets)}."]
    best = comparison.names[0]
    same = [other for other in comparison.names[1:] if not comparison.pair(best, other).real]
    if not same:
        return [f"The other {len(_unreal(comparison))} pairs cannot be told apart."]
    return [f"{comparison.labels[best]}, the highest, cannot be told apart from {_listed(comparison, same, 'or')}."]


def cliques(comparison: MethodComparison) -> list[tuple[str, ...]]:
    """The maximal sets of methods of which no two differ really, by Bron and Kerbosch; the highest first."""
    near: dict[str, set[str]] = {name: set() for name in comparison.names}
    for first, second in _unreal(comparison):
        near[first].add(second)
        near[second].add(first)
    found: list[tuple[str, ...]] = []

    def grow(inside: set[str], possible: set[str], excluded: set[str]) -> None:
        if not possible and not excluded:
            found.append(tuple(name for name in comparison.names if name in inside))
        for name in [name for name in comparison.names if name in possible]:
            grow(inside | {name}, possible & near[name], excluded & near[name])
            possible, excluded = possible - {name}, excluded | {name}

    grow(set(), set(comparison.names), set())
    return sorted(found, key=lambda group: [comparison.names.index(name) for name in group])


def _unreal(comparison: MethodComparison) -> list[tuple[str, str]]:
    return [key for key, pair in comparison.pairs.items() if not pair.real]


def _not_worse(comparison: MethodComparison) -> list[str]:
    reference = comparison.reference
    if reference is None:
        return []
    not_worse = []
    for name in comparison.names:
        if name == reference:
            continue
        pair = comparison.pair(name, reference)
        beats = pair.real and pair.better == name
        if not beats and non_inferior(pair.tested):
            not_worse.append(name)
    if not not_worse:
        return []
    are = "is" if len(not_worse) == 1 else "are each"
    return [
        f"{_listed(comparison, not_worse)} {are} shown to be no more than {POINTS} worse "
        f"than {comparison.labels[reference]}."
    ]


def _gaps(comparison: MethodComparison) -> list[str]:
    sentences = []
    if comparison.left_out:
        have, are = ("has", "is") if len(comparison.left_out) == 1 else ("have", "are")
        sentences.append(f"{join(comparison.left_out)} {have} no finished run and {are} left out.")
    part = [name for name in comparison.names if comparison.done[name] < comparison.planned[name]]
    if part:
        runs = join([f"{comparison.labels[name]} {comparison.done[name]}/{comparison.planned[name]}" for name in part])
        sentences.append(
            f"Runs are still missing ({runs}): such pairs are compared on the runs that both have finished."
        )
    untested = [key for key, pair in comparison.pairs.items() if pair.p_holm != pair.p_holm]
    if untested and len(untested) < len(comparison.pairs):
        pairs = join([f"{comparison.labels[first]} and {comparison.labels[second]}" for first, second in untested])
        sentences.append(f"Not testable on the runs that both have: {pairs}.")
    return sentences


def _sides(pair: Pair) -> tuple[str, str]:
    return pair.better, pair.second if pair.better == pair.first else pair.first


def _size(pair: Pair) -> str:
    found = pair.tested if pair.better == pair.first else pair.turned().tested
    return f"{100 * found.value:.1f} points (95 % CI {100 * found.low:.1f} to {100 * found.high:.1f})"


def p_value(p: float) -> str:
    """`0.034`, `< 0.001`, or a dash."""
    if p != p:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _listed(comparison: MethodComparison, names: Iterable[str], last: str = "and") -> str:
    return join([comparison.labels[name] for name in names], last)
