"""How a budget of keys is shared among attention heads (SparseMM, equations 5 to 9)."""

import numpy as np
from numpy.typing import NDArray

from strokebench.errors import StrokebenchError


def allocate(scores: NDArray, mean_budget: int, window: int, floor: float, cap: int) -> NDArray[np.int64]:
    """Keys that each head may keep: a window, an equal floor, and the rest in proportion to its score.

    What would exceed the cap goes to the other heads in proportion to theirs; rounding is by largest
    remainder, so that the budgets sum to heads x `mean_budget` exactly (in the original nearly).

    Args:
        scores: of the heads, not negative, (heads,); all zero shares equally.
        mean_budget: keys a head, on average.
        window: keys that every head keeps.
        floor: share of what the windows leave that is given out equally.
        cap: keys that there are.

    Raises:
        StrokebenchError: the mean budget is below the window or above the cap.
    """
    if not window <= mean_budget <= cap:
        raise StrokebenchError(
            f"A mean budget of {mean_budget} keys a head is not between the window, {window}, and all {cap}.",
            "Change mean_budget or window.",
        )
    scores = np.asarray(scores, dtype=np.float64)
    heads = len(scores)
    total = heads * mean_budget
    base = window + floor * (mean_budget - window)
    budgets = np.full(heads, base)
    capped = np.zeros(heads, dtype=bool)
    while not capped.all():
        spare = total - cap * capped.sum() - base * (~capped).sum()
        mass = scores[~capped].sum()
        share = scores[~capped] / mass if mass > 0 else np.full((~capped).sum(), 1 / (~capped).sum())
        budgets[~capped] = base + spare * share
        over = ~capped & (budgets > cap)
        if not over.any():
            break
        budgets[over] = cap
        capped |= over
    # A hair above the integer must not cost a head its key.
    whole = np.floor(budgets + 1e-9).astype(np.int64)
    remainder = budgets - whole
    # Stable by score after remainder: a head never gets less than one with a lower score.
    order = np.lexsort((-scores, -np.round(remainder, 9)))
    whole[order[: total - whole.sum()]] += 1
    return whole


def concentration(scores: NDArray) -> dict[str, float]:
    """How unequal scores (heads,) are: mass of the top 5, 10 and 20 % of heads (rounded up), and Gini's index.

    Equal scores have a Gini index of 0; all mass on one of n heads gives 1 - 1 / n.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))[::-1]
    total, n = ordered.sum(), len(ordered)
    if total <= 0:
        ordered, total = np.full(n, 1 / n), 1.0
    facts = {
        f"head_mass_top{percent}": float(ordered[: -(-n * percent // 100)].sum() / total) for percent in (5, 10, 20)
    }
    ranks = np.arange(n, 0, -1)
    return {**facts, "head_gini": float((2 * (ranks * ordered).sum() / total - n - 1) / n)}
