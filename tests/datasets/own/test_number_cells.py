import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from strokebench.datasets.cohort import Kind
from strokebench.datasets.own.column_values import (
    infer_kind,
    likely_typos,
    lone_codes,
    looks_like_free_text,
    mixed_numbers,
    mixed_units,
    no_measurement,
    other_spellings,
    pooled_units,
    same_spelling,
    unknown_words,
)
from strokebench.datasets.own.number_cells import Form, read_numbers


def read(cells, **form):
    return read_numbers(pd.Series(cells, dtype=object), Form(**form))


@pytest.mark.parametrize(
    ("form", "cell", "value"),
    [
        ({}, "7.5", 7.5),
        ({}, " 1e3 ", 1000),
        ({}, "\u22125", -5),
        ({"decimal": ","}, "7,5", 7.5),
        ({"thousands": ","}, "150,000", 150000),
        ({"thousands": ","}, "1,203.5", 1203.5),
        ({"thousands": ","}, "1,50,000", 150000),
        ({"thousands": ","}, "12,34,567.5", 1234567.5),
        ({"decimal": ",", "thousands": "."}, "1.203", 1203),
        ({"decimal": ",", "thousands": "."}, "1.203.400,5", 1203400.5),
        ({"thousands": " "}, "1\u202f203", 1203),
        ({"thousands": "'"}, "1\u2019203", 1203),
        ({"unit": "mmol/L"}, "7.5 mmol/l", 7.5),
        ({}, "7\u200b.5", 7.5),
        ({}, "\u200f7.5", 7.5),
        ({"unit": "%"}, "45%", 45),
        ({"censored": "bound"}, "<3", 3),
        ({"censored": "half"}, "< 0.5", 0.25),
        ({"censored": "half"}, "> 200", 200),
        ({"censored": "bound"}, "89+", 89),
        ({}, "\u0663\u066b\u0665", 3.5),
        ({"decimal": ","}, "\u06f3\u066b\u06f5", 3.5),
        ({}, "\u0661\u066c\u0662\u0660\u0663\u066b\u0665", 1203.5),
        ({"unit": "%"}, "\u0664\u0665\u066a", 45),
        ({}, "\uff0d\uff13\uff0e\uff15", -3.5),
        ({"censored": "bound"}, "\uff1c\uff15", 5),
        ({}, "\u0967\u0968.\u0969", 12.3),
        ({"censored": "bound", "unit": "mg/L"}, "≤0,6 mg/L".replace(",", "."), 0.6),
    ],
)
def test_a_number_is_read_as_its_form_says(form, cell, value):
    numbers = read([cell], **form)
    assert numbers.values[0] == value and numbers.faults.empty


@pytest.mark.parametrize(
    ("form", "cell", "fault"),
    [
        ({}, "6,5", "comma"),
        ({}, "150,000", "thousands"),
        ({}, "\uff11\uff0c\uff12\uff10\uff13", "thousands"),
        # The Arabic comma may be either; a circled, raised or Chinese number is none.
        ({}, "\u0663\u060c\u0665", "bad"),
        ({}, "4\u00b79", "bad"),
        ({}, "\u0663\u066b\u0665\u066b\u0662", "bad"),
        ({}, "\u2462", "bad"),
        ({}, "\u4e09", "bad"),
        ({}, "1 203", "thousands"),
        ({}, "1,50,000", "thousands"),
        ({}, "1,5,000", "bad"),
        ({}, "5 марта 2024", "bad"),
        ({"decimal": ","}, "1.203", "thousands"),
        ({"decimal": ","}, "7.5", "comma"),
        ({"decimal": ","}, "01.02.2024", "bad"),
        ({}, "72 years", "unit"),
        ({"unit": "years"}, "10 months", "unit"),
        ({}, "<3", "censored"),
        ({}, "89+", "censored"),
        ({}, "140/90", "bad"),
        ({}, "12:30", "bad"),
        ({}, "2024-01-05", "bad"),
        ({}, "65-74", "bad"),
        ({}, "inf", "bad"),
        ({}, "1e999", "bad"),
        ({}, "about 70", "bad"),
    ],
)
def test_a_cell_in_another_form_has_no_value_and_says_why(form, cell, fault):
    numbers = read([cell, "5"], **form)
    assert np.isnan(numbers.values[0]) and numbers.faults.to_dict() == {0: fault}
    assert numbers.values[1] == 5


def test_a_censored_value_may_be_unknown_and_is_counted():
    numbers = read(["<3", "5", ">9"], censored="missing")
    assert numbers.values.isna().tolist() == [True, False, True]
    assert numbers.bounds == 2 and numbers.faults.empty


def test_in_a_column_of_decimal_commas_none_is_a_thousand():
    assert set(read(["6,5", "1,203"]).faults) == {"comma"}


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["82 years", "71 years", "65"], Kind.NUMERIC),
        (["<3", "<3", "<3", "7"], Kind.NUMERIC),
        (["1,203", "988", "1,500"], Kind.NUMERIC),
        (["1a", "1b", "2a", "2c"], Kind.CATEGORICAL),
        (["<65", "65-74", "75-84", "85+"], Kind.CATEGORICAL),
        (["M1", "M2", "ICA"], Kind.CATEGORICAL),
        (["", ""], Kind.NUMERIC),
    ],
)
def test_the_kind_follows_from_numbers_in_whatever_form(cells, kind):
    assert infer_kind(read(cells)) is kind


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 9], [9]),
        ([0, 1, 9, 9], [9]),
        ([40, 55, 61, 70, 88, 999], [999]),
        ([40, 55, 61, 70, 88, -9], [-9]),
        ([0, 3, 8, 15, 24, 42, 99], [99]),
        ([0, 1, 2, 3, 88, 99], [88, 99]),
        ([40, 55, 61, 70, 95, 99], []),
        ([4.1, 5.2, 6.3, 8.2, 9.0], []),
        ([7, 12, 13, 14, 15], []),
        ([-2.5, -1, 0.5, 2], []),
        ([0, 1], []),
        ([5.2, 5.5, 6.1, 7.4, 99.9], [99.9]),
        ([0.6, 0.9, 1.1, 1.4, 9.9], [9.9]),
        ([1.61, 1.7, 1.82, 88.8], [88.8]),
        ([3.1, 4.2, 5.5, -9.9], [-9.9]),
        ([210, 350, 9999999], [9999999]),
        ([3.1, 4.2, 5.5, 98.7], []),
    ],
)
def test_a_lone_number_beyond_the_others_may_be_a_code(values, codes):
    assert lone_codes(pd.Series(values, dtype=float)) == codes


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("Unnamed: 0", range(40), "rows"),
        ("number", range(1, 41), "rows"),
        ("case", np.random.default_rng(0).permutation(np.arange(500, 560)), "ids"),
        ("mrn", 100_000 + 7919 * np.arange(40) % 800_000, "ids"),
        ("encounter", 2**60 + np.arange(40), "ids"),
        ("admitted", [20240100 + day for day in range(1, 29)], "dates"),
        ("date_of_onset", range(45292, 45322), "dates"),
        ("seen", [202403010830 + 100 * (i % 12) for i in range(12)], "dates"),
        ("seen", [20240301083059 + 100 * (i % 12) for i in range(12)], "dates"),
        ("seen", [1032024 + 1_000_000 * (i % 28) for i in range(12)], "dates"),
        ("seen", [3012024 + 10_000 * (i % 28) for i in range(12)], "dates"),
        ("seen", [1_700_000_000 + 86_400 * (i % 9) for i in range(12)], "dates"),
        ("seen", [1_700_000_000_000 + 86_400_000 * (i % 9) for i in range(12)], "dates"),
        ("copies", [1_300_000 + 10_000 * (i % 9) for i in range(12)], ""),
        ("platelets", np.random.default_rng(1).integers(150, 400, 60), ""),
        ("ldh", 137 * np.arange(40) % 4000, ""),
        ("glucose", np.linspace(4, 9, 40), ""),
    ],
)
def test_row_numbers_ids_and_dates_are_no_measurements(name, values, words):
    said = no_measurement(name, pd.Series(list(values), dtype=float))
    assert words in said and bool(said) == bool(words)


GLUCOSE = [5.1, 5.6, 6.2, 6.6, 7.0, 7.4, 8.1, 8.8, 9.5, 10.2]


@pytest.mark.parametrize(
    ("values", "off"),
    [
        ([*GLUCOSE, 6.1 / 18.016], {10: 1 / 18.016}),
        ([*GLUCOSE, 700, 0.07], {10: 100, 11: 1 / 100}),
        # A gap, but no factor that units have.
        ([*(7 + n / 10 for n in range(10)), 37.5], {}),
        # Nine values, or seven different ones, are too few to know what is usual.
        ([*GLUCOSE[:8], 6.1 * 18.016], {}),
        ([*GLUCOSE[:6], *GLUCOSE[:6], 6.1 * 18.016], {}),
        ([*GLUCOSE[:7], *GLUCOSE[:2], 6.1 * 18.016], {9: 18.016}),
        # Half of them are in the other unit: nobody can say which.
        ([*GLUCOSE, *(18.016 * value for value in GLUCOSE)], {}),
        # A tail that reaches there step by step.
        ([*GLUCOSE, *(10.2 * 1.4**n for n in range(1, 10))], {}),
        # No unit makes a number negative or 0.
        ([*GLUCOSE, 0, -120], {}),
        # About 0 a value is small by chance.
        ([*GLUCOSE, 0.07, *(-value for value in GLUCOSE)], {}),
    ],
)
def test_a_number_in_another_unit_lies_apart_by_a_factor_that_units_have(values, off):
    assert mixed_units(pd.Series(values, dtype=float)).to_dict() == pytest.approx(off)


def test_free_text_is_of_many_different_values_and_dates_are_told_apart():
    wards = [f"ward {n}" for n in range(20)]
    assert looks_like_free_text(pd.Series([*wards, "", ""])) == ""
    assert looks_like_free_text(pd.Series([*wards, "ward 20"])) == "free text"
    # Of 42 values 21 are half.
    assert looks_like_free_text(pd.Series([*wards, "ward 20"] * 2)) == ""
    assert looks_like_free_text(pd.Series(["2024-01-05", "05.01.24", "12:30", "5/1/2024 12:30", "3:05:07"])) != ""
    dates = [f"2024-01-{day:02d}" for day in range(1, 10)]
    assert looks_like_free_text(pd.Series([*dates, "unknown"])) == "dates or times"
    assert "among other values" in looks_like_free_text(pd.Series([*dates[:8], "unknown", "never"]))


@pytest.mark.parametrize(
    "date",
    [
        *("3-Mar-2024", "6. Mai 2024", "Jan 5, 2024", "2024-01", "01/2024", "15.01.", "1:30 pm", "10:30 Uhr"),
        *("5 марта 2024", "3 de marzo de 2024", "5 มี.ค. 2567", "2024年3月5日", "2024-W05"),
    ],
)
def test_a_date_in_any_form_is_no_category(date):
    assert looks_like_free_text(pd.Series([date] * 9 + ["never"])) == "dates or times"


@pytest.mark.parametrize("word", ["decatur 12", "marburg", "2b", "1.5", "T2"])
def test_a_word_like_a_date_is_none(word):
    assert looks_like_free_text(pd.Series([word] * 9 + ["never"])) == ""


@pytest.mark.parametrize(
    ("cells", "held"),
    [
        (["1", "2", "3", "k.A."], "numbers and 'k.A.'"),
        (["0", "1", "ja", "nein"], "numbers and 'ja', 'nein'"),
        (["5·3", "6·1", "4·9"], "'4·9', '5·3', '6·1'"),
        (["120/80", "130/70"], "'120/80', '130/70'"),
        (["2", "3-5", "3"], "numbers and '3-5'"),
        (["0", "1", "2a", "2b", "3"], ""),
        (["T1", "T2", "none"], ""),
        (["1", "2", "3"], ""),
        (["\u2460", "\u2461"], "'\u2460', '\u2461'"),
        (["\u4e00", "\u4e8c", "\u4e09"], "'\u4e00', '\u4e09', '\u4e8c'"),
        # Roman: a grade.
        (["\u2161", "\u2162"], ""),
        ([*["large"] * 95, *["2 of them"] * 5], ""),
        ([*["large"] * 94, *["2 of them"] * 6], "'large', '2 of them'"),
        # Asked about as a code of unknown.
        (["male", "female", "99"], ""),
    ],
)
def test_numbers_among_words_and_what_begins_as_one_are_told(cells, held):
    assert mixed_numbers(pd.Series(cells).sort_values()) == held


@pytest.mark.parametrize(
    "word",
    [
        *(
            "unk",
            "Unknown",
            "k.A.",
            "n. b.",
            "keine Angabe",
            "not  done",
            "inconnue",
            "lost to follow-up",
            "LTFU",
            "???",
            "No data",
            "n.v.t.",
        ),
        *("не известно".replace(" ", ""), "未知", "不明", "미상", "brak danych", "Sin dato", "não informado", "okänd"),
        *(
            "未測定",
            "欠測",
            "記載なし",
            "未実施",
            "NSP",
            "NR",
            "manquante",
            "non faite",
            "weiß nicht",
            "n.e.",
            "nicht erhebbar",
        ),
        *("nicht durchgeführt", "UTD", "unable to determine", "Refused", "NI", "NASK", "ASKU", ".a", ".Z"),
        *("άγνωστο", "ไม่ทราบ", "نامعلوم", "tidak diketahui", "không rõ", "neznámé", "ei tiedossa"),
    ],
)
def test_words_for_unknown_are_known(word):
    assert unknown_words(pd.Series(["left", word, "known"])) == [word]


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        (["male", "female", "99", "", "-9.0"], ["99", "-9.0"]),
        (["Hospital 1", "Hospital 2", "999"], ["999"]),
        (["yes", "no", "９"], ["９"]),
        # A number among numbers, a grade, or nothing but numbers.
        (["0", "1", "9", "yes"], []),
        (["never", "9-12", "9"], []),
        (["2b", "3a", "9"], []),
        (["7", "8", "9"], []),
    ],
)
def test_a_code_among_words_is_as_a_word_for_unknown(cells, codes):
    assert unknown_words(pd.Series(cells)) == codes


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("left\u2013MCA", "left MCA", True),
        ("ma\u200ble", "male", True),
        ("\uff21-1", "a 1", True),
        ("-5", "\u22125", True),
        ("S\u00e3o Paulo", "sao paulo", True),
        ("I\u011eDIR", "I\u011fd\u0131r", True),
        ("\u0410-1", "A-1", True),
        ("\u039c", "M", True),
        ("\u041c", "\u041d", False),
        ("-5", "5", False),
        ("-0.5", "0.5", False),
    ],
)
def test_spellings_that_differ_in_what_is_not_seen_are_the_same(one, other, alike):
    assert (same_spelling(one) == same_spelling(other)) is alike


@pytest.mark.parametrize("unit", ["mmol / l", "MMOL/L"])
def test_a_unit_is_known_in_whatever_spacing_and_case(unit):
    assert read_numbers(pd.Series([f"7.5 {unit}"]), Form(unit="mmol/L")).values.tolist() == [7.5]


@pytest.mark.parametrize("values", [[44197 + i % 7 for i in range(12)], [44197.25 + i for i in range(12)]])
def test_days_of_a_spreadsheet_are_no_measurement_whatever_the_name(values):
    assert no_measurement("lkw", pd.Series(values, dtype=float)) == "dates as numbers"
    assert no_measurement("lkw", pd.Series([*values, 60000], dtype=float)) == ""


def test_a_slip_is_a_rare_name_beside_a_frequent_one():
    often = ["University Hospital"] * 40
    assert likely_typos(pd.Series([*often, "Univresity Hospital"])) == {"Univresity Hospital": "University Hospital"}
    assert likely_typos(pd.Series([*often, *["Univresity Hospital"] * 2])) != {}
    # 3 of 40 are more than one in twenty; another word is no slip; nor is a short one or one with a digit.
    for other in (["Univresity Hospital"] * 3, ["Community Hospital"], ["University Hostel 2"], ["University"]):
        assert likely_typos(pd.Series([*often, *other])) == {}
    assert likely_typos(pd.Series([*["Ward Two"] * 9, "Ward Tow"])) == {}
    assert likely_typos(pd.Series([*["Clinic North"] * 3, "Clinic Norht"])) == {"Clinic Norht": "Clinic North"}
    assert likely_typos(pd.Series([*["Clinic North"] * 2, "Clinic Norht"])) == {}


def test_the_more_frequent_spelling_stands():
    cells = pd.Series(["male", "male", "Male ", " male", "female", ""])
    assert other_spellings(cells) == {"Male ": "male", " male": "male"}
    assert other_spellings(pd.Series([" A", "A"])) == {" A": "A"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([float(n) for n in range(1, 10)], ""),
        (range(10), "rows"),
        (range(2, 31), ""),
        ([20231230, 20231231, *[20240101] * 8], "dates"),
        ([20231230, 20231232, *[20240101] * 8], ""),
        (np.random.default_rng(0).permutation(np.arange(500, 529)), ""),
        (np.random.default_rng(0).permutation(np.arange(500, 530)), "ids"),
    ],
)
def test_what_a_column_of_whole_numbers_counts(values, words):
    said = no_measurement("number", pd.Series(list(values), dtype=float))
    assert words in said and bool(said) == bool(words)


NORMAL = norm.ppf(np.linspace(0.01, 0.99, 40))


@pytest.mark.parametrize(
    ("small", "large", "conversion"),
    [
        (np.exp(1.9 + 0.3 * NORMAL), np.exp(1.9 + 0.3 * NORMAL) * 18.016, "times 18.016"),
        # The assay of the others gives a tenth more, and they are fewer.
        (np.exp(0.4 * NORMAL), np.exp(0.1 + 0.4 * NORMAL[::3]) * 88.42, "times 100 or 88.42"),
        (36.8 + 0.5 * NORMAL, 98.2 + 0.9 * NORMAL, "times 1.8 + 32 or 2.54"),
        (66 + 4 * NORMAL, 168 + 10 * NORMAL, "times 2.54 or 1.8 + 32"),
        (240 + 60 * NORMAL, (240 + 60 * NORMAL) * 1000, "times 1000"),
        # No unit's factor; another spread; fewer than a tenth; parts that overlap; five steps of a score; one part.
        (np.exp(1.9 + 0.3 * NORMAL), np.exp(1.9 + 0.3 * NORMAL) * 28, ""),
        (np.exp(1.9 + 0.1 * np.tile(NORMAL, 5)), np.exp(1.9 + 0.6 * np.tile(NORMAL, 5)) * 18.016, ""),
        (np.exp(1.9 + 0.3 * np.tile(NORMAL, 3)), np.exp(1.9 + 0.3 * NORMAL[::4]) * 18.016, ""),
        (76 + 14 * NORMAL, (76 + 14 * NORMAL) * 2.2046, ""),
        ([1, 2, 3, 4] * 10, [10, 20, 30, 40] * 10, ""),
        (np.exp(2 + 1.5 * NORMAL), [], ""),
        ([7.0] * 40, [], ""),
        # What is 0 has no unit.
        ([0] * 20 + [*np.exp(1.9 + 0.3 * NORMAL)], np.exp(1.9 + 0.3 * NORMAL) * 18.016, ""),
    ],
)
def test_two_parts_of_a_column_that_a_unit_explains(small, large, conversion):
    pooled = pooled_units(pd.Series([*large, *small], dtype=float))
    assert (pooled.conversion if pooled else "") == conversion
    assert pooled is None or pooled.n == (len(small), len(large))


def test_mixed_units_names_the_factor():
    values = pd.Series([5.1, 5.6, 6.2, 6.6, 7.0, 7.4, 8.1, 8.8, 9.5, 10.2, 6.1 * 18.016])
    assert mixed_units(values).to_dict() == {10: 18.016}


def test_codes_of_one_number_are_one_spelling():
    assert same_spelling("01") == same_spelling("1.0") == same_spelling(" 1") == "1"
    assert same_spelling("1.5") != same_spelling("1")
