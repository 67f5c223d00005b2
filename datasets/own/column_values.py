"""Is a column of text cells numeric or categorical, and which of its values cannot be what they claim?"""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from strokebench.datasets.cohort import Kind
from strokebench.datasets.own.number_cells import UNSEEN, Numbers, ascii_digits

NUMERIC_SHARE = 0.8
"""A column is inferred as numeric if so many of its known values are numbers (our choice)."""

MANY_CATEGORIES = 20
"""A text column of more distinct values, over half of them distinct, is free text, not a category."""

UNIT_FACTORS = (10.0, 18.016, 38.67, 88.42, 100.0, 1000.0)
"""Ratios that a mix-up of units leaves: tens, glucose (mg/dl to mmol/l), cholesterol, creatinine."""

CONVERSIONS = (*((f, 0.0) for f in (*UNIT_FACTORS, 2.2046, 2.54, 7.5006)), (1.8, 32.0))
"""Factor and shift from one unit to another: pounds, inches, mmHg and Fahrenheit besides."""

SITE_FACTORS = (1.6114, 4.008, 6.006, 7.3, 59.48, *UNIT_FACTORS)
"""Those that a whole hospital's values show: haemoglobin, calcium, urea, HbA1c and uric acid besides."""

_MONTHS = "jan|feb|m[aä]r|apr|ma[iy]|ju[ln]|aug|sep|o[ck]t|nov|de[cz]|f[eé]v|avr|jui|ao[uû]|d[eé]c"
_DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T].*)?|\d{1,2}\.\d{1,2}\.|\d{1,2}[:h]\d{2}(?:[: ].*)?|[\d.]+ uhr"
    rf"|(?:19|20)\d\d[-/](?:0?[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])[-/.](?:19|20)\d\d"
    rf"|\d{{1,2}}[-/. ]+(?:{_MONTHS})[^\W\d_]*[-/., ]+\d{{2,4}}(?: .*)?"
    rf"|(?:{_MONTHS})[^\W\d_]*[-/., ]+(?:\d{{1,2}}, *)?(?:19|20)\d\d(?: .*)?"
    r"|\d{1,2}\D{3,20}(?:19|20|25)\d\d(?:\D.*)?|\d{2,4} ?[年년].*|(?:19|20)\d\d-?w\d\d?",
    re.IGNORECASE,
)
_NUMBER_FIRST = re.compile(r"[^\w]*\d")
_SHORT_CODE = re.compile(r"\d{1,2}[^\W\d_]{1,2}")
"""A grade as it is written in full: 2b, 3a."""
_UNKNOWN = re.compile(
    r"unk(?:n|nown)?|unbekannt|missing|fehlt|fehlend|k\. ?a\.|keine angaben?|n\. ?[abdekr]\.|n[dir]|nask|asku|nsp"
    r"|nicht (?:bekannt|bestimmt|dokumentiert|erhebbar|durchgeführt)|wei(?:ß|ss) nicht"
    r"|not (?:known|available|done|recorded|assessed|documented)"
    r"|(?:report )?(?:to follow|pending)|befund folgt|na_(?:character|integer|real)_"
    r"|unclear|unsure|utd|unable to (?:determine|assess)|refused"
    r"|no data|not tested|nie bekannt|nicht erhoben|k\.?a\.?|\?+|x{2,}|\.[a-z]"
    r"|inconnue?|(?:non|pas) (?:connue?|renseigné|disponible|noto|faite?s?)|manquante?s?"
    r"|n\.? ?v\.? ?t\.?|onbekend|ok[äa]nd|saknas"
    r"|ukj?en[dt]t?|se desconoce|desconocid[oa]|sin datos?|s/d|sem dados"
    r"|n[ãa]o (?:informado|dispon[íi]vel)|ignorado|sconosciut[oa]"
    r"|bilinmiyor|brak(?: danych)?|nieznan[yae]|nezn[áa]m[éýa]|неизвестн[оаы]|нет данных|н/д|невідомо|άγνωστ[οη]"
    r"|lost(?: to (?:follow[ -]?up|fu))?|ltfu|withdrawn|not evaluable|nicht (?:erreicht|erreichbar|auswertbar)"
    r"|perdue? de vue|ei tiedossa|tidak (?:diketahui|ada data)|không rõ|ไม่ทราบ|ไม่มีข้อมูล|نامعلوم|غير معروف|לא ידוע|अज्ञात"
    r"|未知|不[明详詳]|[無无]数据|未[测測]定?|未(?:実施|施行|查)|欠[測测]値?|缺失|記載[な無]し|미상|모름",
    re.IGNORECASE,
)
"""How hospitals write that something is unknown."""
_CODE = re.compile(r"-?(?:7+(?:\.7+)?|8+(?:\.8+)?|9+(?:\.9+)?|9+[5-8])|-[12]")
"""Numbers by which unknown is written: 9, 99, 999, 99.9, 88, 998, -1, ..."""
_MARKS = re.compile("[\u0300-\u036f]")
_LOOK_ALIKE = str.maketrans("авекмнорстухіјѕıαβεζηικμνορτυχ", "abekmhopctyxijsiabezhikmnoptyx")
_CODED = re.compile(r"\s*(?:0\d{3,}|\d+E\d+)\s*")
_DAYS = (
    (19000101, 21001231, "%Y%m%d"),
    (1011900, 31122100, "%d%m%Y"),
    (1011900, 12312100, "%m%d%Y"),
    (190001010000, 210012312359, "%Y%m%d%H%M"),
    (19000101000000, 21001231235959, "%Y%m%d%H%M%S"),
)
"""Lowest, highest and form of whole numbers that are written as days, or as minutes or seconds of a day."""
_DATE_WORDS = re.compile(r"dat(?:e|um)|dob|admi(?:tted|ssion)|birth", re.IGNORECASE)


def infer_kind(numbers: Numbers) -> Kind:
    """Numeric if most known values are numbers in whatever form, or if none is known."""
    return Kind.NUMERIC if numbers.share >= NUMERIC_SHARE else Kind.CATEGORICAL


def looks_like_free_text(cells: pd.Series) -> str:
    """What a categorical column holds if it is none that a method could use, such as `free text`; else empty."""
    counts = cells[cells != ""].value_counts()
    known = counts.sum()
    dates = [value for value in counts.index if _DATE.fullmatch(value.strip())]
    if counts[dates].sum() > NUMERIC_SHARE * known:
        return "dates or times"
    if dates:
        return f"dates or times among other values, such as {dates[0]!r}"
    return "free text" if len(counts) > max(MANY_CATEGORIES, 0.5 * known) else ""


def mixed_numbers(cells: pd.Series) -> str:
    """What a column that is not read as numbers holds beside them, or in their place; else empty.

    Numbers beside words (`4`, `k.A.`), and what begins as a number and is none (`3-5`, `120/80`), are a question where
    they are over a twentieth of the values (our choice); grades such as 2b are none, and codes of unknown are another
    question.
    """
    counts = cells[cells != ""].value_counts()
    begun = [value for value in counts.index if _NUMBER_FIRST.match(value) and not _SHORT_CODE.fullmatch(value.strip())]
    # Circled, raised and Chinese numbers; not the Roman ones, which are grades.
    begun += [value for value in counts.index if re.fullmatch(r"[^\u2160-\u2188\d]+", value) and value.isnumeric()]
    odd = [value for value in begun if not value.strip().isdecimal()]
    words = [value for value in counts.index if not any(letter.isnumeric() for letter in value)]
    if counts[begun].sum() <= 0.05 * counts.sum() or not (odd or words) or set(begun) <= set(unknown_words(cells)):
        return ""
    return f"{'numbers and ' if len(odd) < len(begun) else ''}{', '.join(map(repr, [*words, *odd][:3]))}"


def unknown_words(cells: pd.Series) -> list[str]:
    """Values of a column of texts that say that the value is unknown, as written: words for it, and codes such as 9 or
    -1 where nothing else begins as a number."""
    values = [value for value in cells.unique() if value]
    begun = [value for value in values if _NUMBER_FIRST.match(value)]
    coded = len(begun) < len(values) and all(_CODE.fullmatch(same_spelling(value)) for value in begun)
    return [value for value in values if says_unknown(value) or (coded and value in begun)]


def says_unknown(text: str) -> bool:
    """Whether a text is no more than a word for unknown."""
    return bool(_UNKNOWN.fullmatch(" ".join(text.split())))


def mixed_units(values: pd.Series) -> pd.Series:
    """For each value that seems to be in another unit, the factor by which it is off.

    A value is suspected if it lies far from the bulk, with a gap between, dividing it by a common conversion
    factor brings it there, and the bulk itself is narrower than that factor, so that the two cannot overlap.
    Scores of few steps, values that span decades, and those of which over a tenth lie below 0 (z-scores, a base excess)
    are never suspected (our rule).
    """
    positive = values[values > 0]
    none = pd.Series(dtype=float)
    if len(positive) < 10 or positive.nunique() < 8 or (values < 0).mean() > 0.1:
        return none
    logs = np.log(positive.to_numpy())
    centre = float(np.median(logs))
    # The floor keeps a column of nearly equal values from making outliers of its ordinary ones.
    spread = max(1.4826 * float(np.median(np.abs(logs - centre))), 0.05)
    far = np.abs(logs - centre) > 5 * spread
    if not far.any() or far.mean() > 0.4:
        return none
    log = pd.Series(logs, positive.index)
    bulk = log[~far]
    width = float(bulk.max() - bulk.min())
    # A tail reaches out step by step; another unit leaves a gap between the centre and the value.
    gaps = pd.concat([_widest_gap(log[log >= centre]), _widest_gap(-log[log <= centre])]).groupby(level=0).max()
    off = {}
    for patient, ratio in (log[far] - centre).items():
        factors = [f for f in UNIT_FACTORS if width < np.log(f) and gaps[patient] > np.log(f) / 2]
        fits = [f for f in factors if abs(abs(ratio) - np.log(f)) <= 3 * spread]
        if fits:
            best = min(fits, key=lambda f: abs(abs(ratio) - np.log(f)))
            off[patient] = best if ratio > 0 else 1 / best
    return pd.Series(off, dtype=float)


@dataclass(frozen=True)
class Pooled:
    """A column of which one part seems to be in another unit than the other.

    Args:
        n: how many values are small, and how many large.
        medians: of either part.
        conversion: what makes small ones large; the likeliest first.
    """

    n: tuple[int, int]
    medians: tuple[float, float]
    conversion: str


def pooled_units(values: pd.Series) -> Pooled | None:
    """The two parts of a column that lie apart, and alike but for a usual conversion; None where there are none.

    Apart: a tenth or more of the values on either side of a gap that is a quarter of the way between the parts and half
    as wide as nine tenths of either. Alike: median and quartiles agree within a tenth and the error of a median. Of
    9,300 made-up columns with one mode 12 were asked about, of those with two modes that no unit explains every fifth;
    of 60 patients or more in two units, 98 % were where the parts lie apart (our choice).
    """
    positive = np.sort(values[values > 0].to_numpy())
    n, logs = len(positive), np.log(positive)
    if n < max(20, 0.9 * len(values)) or logs[-1] == logs[0]:
        return None
    # Where two parts scatter least about their own means (Otsu 1979).
    below = np.arange(1, n)
    split = 1 + int(np.argmax((logs.mean() * below - np.cumsum(logs)[:-1]) ** 2 / (below * (n - below))))
    parts = small, large = logs[:split], logs[split:]
    if min(map(len, parts)) < max(10, 0.1 * n) or min(len(np.unique(part)) for part in parts) < 5:
        return None
    low, high = (np.quantile(part, (0.05, 0.25, 0.5, 0.75, 0.95)) for part in parts)
    gap = high[0] - low[-1]
    if gap < 0.25 * (high[2] - low[2]) or gap < 0.5 * max(low[-1] - low[0], high[-1] - high[0]):
        return None
    near = min(0.1 + 1.5 * 1.25 * np.sqrt(sum(part.var() / len(part) for part in parts)), 0.3)
    fits = {}
    for factor, shift in CONVERSIONS:
        off = np.abs(np.log(factor * np.exp(low[1:4]) + shift) - high[1:4])
        if (off < near * np.array((1.5, 1, 1.5))).all():
            fits[f"{factor:g}" + (f" + {shift:g}" if shift else "")] = off[1]
    if not fits:
        return None
    medians = float(np.exp(low[2])), float(np.exp(high[2]))
    return Pooled((len(small), len(large)), medians, f"times {' or '.join(sorted(fits, key=lambda fit: fits[fit]))}")


def other_unit(values: pd.Series, site: pd.Series) -> dict[str, float]:
    """Site -> the factor by which its values are off, where they lie apart from all others' as in another unit.

    Apart: nine tenths of ten or more patients lie beyond nine tenths of the others (our choice).
    """
    positive = values[values > 0].dropna()
    by_site = positive.groupby(site.reindex(positive.index))
    medians, off = by_site.median(), dict[str, float]()
    if medians.empty or medians.max() < 0.8 * min(SITE_FACTORS) * medians.min():
        return off
    for name, own in by_site:
        others = positive.drop(own.index)
        if min(len(own), len(others)) < 10 or positive.nunique() < 8:
            continue
        large = own.median() > others.median()
        (low, high) = (others, own) if large else (own, others)
        times = high.median() / low.median()
        factor = min(SITE_FACTORS, key=lambda f: abs(np.log(times / f)))
        if low.quantile(0.9) < high.quantile(0.1) and abs(np.log(times / factor)) < 0.15:
            off[str(name)] = factor if large else 1 / factor
    # Of two hospitals either may be right; one is named.
    return dict([*off.items()][:1]) if site.nunique() == 2 else off


def _widest_gap(outwards: pd.Series) -> pd.Series:
    """For each value, the widest gap between neighbours on the way to it from the smallest."""
    rising = outwards.sort_values()
    return rising.diff().fillna(0.0).cummax()


def lone_codes(values: pd.Series) -> list[float]:
    """Values beyond the others that look like codes of unknown: -9 where none is negative, or 9, 99, 999 after a gap.

    The gap has to be one and a half times the widest among the others where those are the steps of a score, else as
    wide as all the others together (our choice).
    """
    distinct = np.unique(values.dropna())
    if len(beyond := distinct[np.abs(distinct) > 1e30]):
        # No measurement: what statistics programs and scanners write where there is none.
        return [*beyond.tolist(), *lone_codes(values[values.abs() <= 1e30])]
    negative = distinct[distinct < 0]
    found = negative.tolist() if len(distinct) - len(negative) > 1 and _are_codes(negative) else []
    for n in (1, 2, 3):
        codes, rest = distinct[-n:], distinct[:-n]
        if len(rest) < 2 or codes[0] < 0 or not _are_codes(codes):
            continue
        is_score = len(rest) <= 12 and (rest % 1 == 0).all() and np.diff(rest).max() <= 2
        if codes[0] - rest[-1] > (1.5 * np.diff(rest).max() if is_score else rest[-1] - rest[0]):
            return found + codes.tolist()
    return found


def _are_codes(values: Iterable[float]) -> bool:
    return all(_CODE.fullmatch(in_full(value)) for value in values)


def in_full(value: float) -> str:
    """A number with all its digits, so that it can be looked for by what is written.

    >>> in_full(9999999.0), in_full(-99.9)
    ('9999999', '-99.9')
    """
    return repr(float(value)).removesuffix(".0")


def no_measurement(name: str, values: pd.Series) -> str:
    """What a column of numbers by row seems to hold instead of a measurement: row numbers, ids, dates; else empty."""
    known = values.dropna()
    if len(known) < 10:
        return ""
    least, most = known.min(), known.max()
    # Days of a spreadsheet from 2000 to 2049: nothing that is measured lies within so little.
    if least >= 36526 and most <= 54788:
        return "dates as numbers"
    if (known % 1 != 0).any():
        return ""
    if len(known) == len(values) and known.iloc[0] in (0, 1) and (np.diff(known) == 1).all():
        return "the numbers of the rows"
    # Seconds or milliseconds since 1970, from 2000 to 2049.
    if any(least >= 946684800 * unit and most <= 2524607999 * unit for unit in (1, 1000)):
        return "dates as numbers"
    for low, high, form in _DAYS:
        if least >= low and most <= high:
            days = pd.to_datetime(known.astype("int64").astype(str).str.zfill(8), format=form, errors="coerce")
            if days.dt.year.between(1900, 2100).all():
                return "dates as numbers"
    if _DATE_WORDS.search(name) and least >= 10000 and most <= 60000:
        return "dates as numbers"
    if max(-least, most) >= 2**53:
        return "numbers of more digits than are kept, as ids have"
    if known.is_unique and len(known) >= 30:
        # As many draws from so narrow a range would repeat themselves.
        collisions = len(known) * (len(known) - 1) / 2 / (most - least + 1)
        if collisions > 5 or known.abs().min() >= 100_000:
            return "another number for each patient, as ids are"
    return ""


def same_spelling(text: str) -> str:
    """A spelling without case, marks on letters, forms of width, unseen signs, zeros around a whole number, and the
    number of spaces and dashes, whichever; letters of two alphabets that look alike are one."""
    plain = UNSEEN.sub("", unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()))
    plain = _MARKS.sub("", plain).translate(_LOOK_ALIKE)
    plain = re.sub("[\u2010-\u2015\u2212]", "-", plain)
    if number := re.fullmatch(r"\s*([+-]?\d+)(?:[.,]0*)?\s*", plain):
        return str(int(number[1]))
    # Within alone: a sign before a number changes it.
    return re.sub(r"(?<=\w)[\s_\-]+(?=\w)", " ", plain.strip())


def written_codes(cells: pd.Series) -> str:
    """A cell that is a code although it can be read as a number, as a place `01067`, a time `0830`, a ward `3E1`."""
    plain = ((cell, ascii_digits(cell)) for cell in cells.unique())
    return next((cell for cell, text in plain if ("0" in text or "E" in text) and _CODED.fullmatch(text)), "")


def abbreviations(cells: pd.Series) -> dict[str, str]:
    """Letter -> the one word that it begins, where at least two of a column's categories are written in both ways."""
    names = {name.strip().casefold(): name for name in cells.unique()}
    found = {}
    for short in (name for name in names if len(name) == 1 and name.isalpha()):
        longer = [name for name in names if name.startswith(short) and len(name) > 1 and not set(name) <= set("ivx")]
        if len(longer) == 1:
            found[names[short]] = names[longer[0]]
    return found if len(found) > 1 else {}


_SAME_WORDS = (
    {"yes", "true", "ja", "wahr", "oui", "vrai", "sí", "si", "sim", "evet"},
    {"no", "false", "nein", "falsch", "non", "faux", "nee", "não", "hayır"},
)


def translations(cells: pd.Series) -> dict[str, str]:
    """Yes or no in one language -> the more frequent word for it in another."""
    names = list(cells.value_counts().index)
    said = ([name for name in names if name.strip().casefold() in words] for words in _SAME_WORDS)
    return {name: first for first, *others in filter(None, said) for name in others if name.lower() != first.lower()}


def other_spellings(cells: pd.Series) -> dict[str, str]:
    """Spelling as it stands -> the more frequent spelling of the same name."""
    counts = {str(spelling): n for spelling, n in cells.value_counts().items() if str(spelling).strip()}
    plain = {spelling: same_spelling(spelling) for spelling in counts}
    norm: dict[str, str] = {}
    # The most frequent first; among equals the one without spaces around it.
    for spelling in sorted(counts, key=lambda s: (-counts[s], s != s.strip(), len(s), s)):
        norm.setdefault(plain[spelling], spelling)
    return {s: norm[plain[s]] for s in counts if norm[plain[s]] != s}


def likely_typos(cells: pd.Series) -> dict[str, str]:
    """Rare name -> the frequent name that it differs from by a slip in one long word.

    Words with digits and short words are left alone: `Site 1` and `Site 2` are two sites.
    """
    counts = cells[cells.str.strip() != ""].value_counts()
    words = {name: same_spelling(name).split() for name in counts.index}
    found = {}
    for frequent in counts.index[counts >= 3]:
        for rare in counts.index[counts <= max(1, 0.05 * counts[frequent])]:
            a, b = words[rare], words[frequent]
            unlike = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
            if len(a) != len(b) or len(unlike) != 1 or min(map(len, unlike[0])) < 4:
                continue
            if any(c.isdigit() for c in "".join(unlike[0])):
                continue
            if difflib.SequenceMatcher(None, *unlike[0]).ratio() >= 0.8:
                found[rare] = frequent
    return found
