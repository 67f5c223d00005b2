"""Table 2 and `missing` take single sequences away where a cohort has several, and plan as before where it has not."""

from strokebench.benchmarks.experiments.table2 import conditions
from strokebench.reports.missing.table import curves_of, missing_conditions, rate_condition
from strokebench.tasks.inputs import in_words

ALL = ("dwi", "adc", "flair")
WHOLE = {"image", "text", "table"}


def test_a_single_image_is_planned_as_before():
    assert conditions(WHOLE) == conditions(WHOLE, ()) and len(conditions(WHOLE)) == 13
    assert missing_conditions() == missing_conditions(()) == missing_conditions(("dwi",))


def test_each_sequence_is_taken_away_and_left_alone():
    added = {condition.id for condition in conditions(WHOLE, ALL)} - {condition.id for condition in conditions(WHOLE)}
    without = {"image.adc+image.flair", "image.dwi+image.flair", "image.adc+image.dwi"}
    alone = {f"image.{name}" for name in ALL}
    assert added == {f"{kept}+text+table{when}" for kept in without | alone for when in ("", "@test")}


def test_missing_has_a_curve_for_each_sequence():
    curves = curves_of(ALL)
    assert list(curves) == ["image", "text", "table", "any", "image.dwi", "image.adc", "image.flair"]
    point = rate_condition("image.adc", 0.3, curves)
    assert point in missing_conditions(ALL) and point.id == "image.dwi+image.flair+text+table@test,rate=0.3"
    assert in_words(point.keep) == ["image (dwi, flair)", "text", "table"]
