"""What the name of a column says of it: the scale that it holds, and when it was known."""

import re
from collections.abc import Iterable

SCALES = {"nihss": r"nihss|(?<![a-z])nihs(?![a-z])|nih[\W_]*stroke", "mrs": r"(?<![a-z])mrs|rankin"}
"""How table columns that hold an outcome's scale are named."""
HIGHEST = {"nihss": 42, "mrs": 6}
"""The worst value of these scales; the best is 0."""

_AFTERWARDS = re.compile(
    r"(?:discharg|outcome|mortali|surviv|deceased|recover|follow[\W_]*up|destination|barthel|rehab|vital[\W_]*status)"
    r"|death|dead(?![a-z])|^(?:label|target|ground[\W_]*truth|pred(?:ict(?:ed|ions?))?|y(?:[\W_]*(?:true|pred))?)$"
    # German, Dutch, French, Italian, Spanish, Turkish.
    r"|entlass|(?:^|[^a-zäöü])entl(?![a-z])|(?:liege|verweil|aufenthalts)dauer|ligduur|ontslag|s[eé]jour|degenza|dimission|estancia|verlauf|[gv]e(?:r)?storben|exitus|todes|[uü]berleb|sortie|d[eé]c[eè]s|taburcu|(?:klinik|krankenhaus)(?:aufenthalt|tage)"
    # Chinese, Japanese, Korean.
    r"|[出退]院|[在住]院(?:日数|天数)|死亡|転帰|予後|预后|转归|随访|퇴원|사망"
    r"|(?<![a-z])(?:expired|disposition|devenir|(?:icu|hospital)[\W_]*days)(?![a-z])"
    r"|(?:^|[^a-z])(?:died|length[\W_]*of[\W_]*stay|los|finale?|fu|gos|reha|tod|alta|[oö]l[uü]m|visit[\W_]*[2-9])(?![a-z])"
    r"|(?:^|[^0-9])(?:24|48|72)[\W_]*(?:h|hours?|std)(?![a-z])|(?:^|[^a-z])(?:d|day|tag)[\W_]*[57](?![0-9])"
    r"|(?:^|[^0-9])(?:90|30|180)[\W_]*(?:d(?:ays?)?|t(?:age?)?|j(?:ours?)?)(?![a-ln-z])"
    r"|(?:^|[^0-9])(?:3|6|12)[\W_]*m(?:o|onths?|onate?n?)?(?![a-z])"
    r"|(?:^|[^a-z])(?:d|days?|mrs|rankin|barthel)[\W_]*(?:90|30|180)(?![0-9])"
    r"|(?:^|[^a-z])m(?:onths?)?[\W_]*(?:3|6|12)(?![0-9])",
    re.IGNORECASE,
)


def scale_of(name: str) -> str | None:
    """The key of `SCALES` that a column's name speaks of, where it is a known one."""
    return next((scale for scale, pattern in SCALES.items() if re.search(pattern, name, re.IGNORECASE)), None)


def sounds_later(name: str) -> bool:
    """Whether a name is that of what is known only after the prognosis.

    >>> [sounds_later(name) for name in ("length_of_stay", "mRS90", "rankin_fu", "Todesdatum", "nihss_admission")]
    [True, True, True, True, False]
    >>> [sounds_later(name) for name in ("Liegedauer", "NIHSS Entl.", "durée du séjour", "Alkohol (wöchentl.)")]
    [True, True, True, False]
    >>> [sounds_later(name) for name in ("在院日数", "ICU_days", "discharge disposition", "predisposition")]
    [True, True, True, False]
    """
    return bool(_AFTERWARDS.search(name))


def sounds_like(name: str, outcomes: Iterable[str]) -> str | None:
    """The first outcome's column whose scale or words a name holds; whole words, so that `y` is not in `glycaemia`.

    >>> sounds_like("mrs_premorbid", ["mrs90"]), sounds_like("NIHS_0", ["nihss"]), sounds_like("hypertension", ["y"])
    ('mrs90', 'nihss', None)
    """
    for outcome in outcomes:
        same_scale = scale_of(outcome) and scale_of(outcome) == scale_of(name)
        if same_scale or ((words := _words(outcome)) and words <= _words(name)):
            return outcome
    return None


def _words(name: str) -> set[str]:
    return {word.casefold() for word in re.findall(r"[^\W\d_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name))}
