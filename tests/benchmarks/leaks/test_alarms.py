"""Each alarm goes off on a planted leak, and none on the clean cohort."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from strokebench.benchmarks.leaks.association import of_categories, of_numbers
from strokebench.benchmarks.leaks.audit import QUICK, run_audit
from strokebench.benchmarks.leaks.columns import (
    column_derived_from_outcome,
    column_gives_outcome,
    feature_gives_outcome,
    missing_gives_outcome,
    site_predicts_outcome,
)
from strokebench.benchmarks.leaks.doubles import doubled_images, doubled_rows, doubled_texts
from strokebench.benchmarks.leaks.learnt_from import learnt_from_cohort
from strokebench.benchmarks.leaks.patients import one_patient_two_ids, patient_in_two_parts
from strokebench.benchmarks.leaks.texts import text_gives_outcome, text_states_outcome
from strokebench.tasks.fold import Split


def test_a_clean_cohort_raises_none(make):
    audit = run_audit(make())
    assert audit.findings == [] and not audit.broken


@pytest.mark.parametrize("changes", [{"texts": None}, {"site": None}])
def test_a_cohort_that_lacks_a_part_raises_none(make, changes):
    audit = run_audit(make(cohort=lambda cohort: replace(cohort, **changes)))
    assert audit.findings == [] and not audit.broken


def test_embeddings_may_be_missing_for_some_and_for_all(make):
    def lose(embeddings):
        image = embeddings.arrays["image.vector"].copy()
        image[:30] = np.nan
        return replace(embeddings, arrays={"image.vector": image})

    assert not run_audit(make(embeddings=lose)).findings
    bare = run_audit(make(embeddings=lambda embeddings: replace(embeddings, arrays={})))
    assert not bare.findings and not bare.broken


def test_patient_in_two_parts(make):
    context = make()
    first, *others = context.split.folds
    leaky = replace(first, train=(*first.train, first.test[0]))
    [finding] = patient_in_two_parts(replace(context, split=Split("cv5", (leaky, *others))))
    assert finding.severity == "alarm" and first.test[0] in finding.who
    assert "train and test of seed 39 fold 1" in finding.who
    twice = replace(first, test=(*first.test, first.test[0]))
    [finding] = patient_in_two_parts(replace(context, split=Split("cv5", (twice, *others))))
    assert "twice in test" in finding.who


@pytest.mark.parametrize("second", ["P000", "p0 ", "p000_ses-2", "p00"])
def test_one_patient_two_ids(make, second):
    def rename(part):
        return part.rename(index={"p001": second})

    def both(cohort):
        parts = {name: rename(getattr(cohort, name)) for name in ("table", "texts", "site")}
        return replace(cohort, **parts)

    context = make(
        cohort=both, embeddings=lambda arrays: replace(arrays, ids=pd.Index(rename(pd.Series(0, arrays.ids)).index))
    )
    [finding] = one_patient_two_ids(context)
    assert finding.severity == "warning" and "p000" in finding.who and second in finding.who


def copied(embeddings, source: int, targets: list[int], noise: float, names=("image.vector", "image.tokens")):
    random = np.random.default_rng(0)
    changed = dict(embeddings.arrays)
    for name in names:
        values = embeddings.arrays[name].copy()
        spread = values.std(axis=0)
        for target in targets:
            values[target] = values[source] + noise * spread * random.standard_normal(spread.shape)
        changed[name] = values.astype(np.float32)
    return replace(embeddings, arrays=changed)


@pytest.mark.parametrize(("targets", "noise"), [([5], 0.0), ([5], 0.05), ([5, 90, 120], 0.05)])
def test_doubled_images(make, targets, noise):
    [finding] = doubled_images(make(embeddings=lambda arrays: copied(arrays, 3, targets, noise)))
    assert finding.severity == "alarm" and "p003 and p005" in finding.who
    assert ("(1 equal" in finding.message) == (noise == 0)


def test_images_that_are_near_are_doubled_only_together_with_the_text(make):
    context = make(embeddings=lambda arrays: copied(arrays, 3, [5], 0.4))
    assert doubled_images(context) == []
    context = make(embeddings=lambda arrays: copied(copied(arrays, 3, [5], 0.4), 3, [5], 0.05, ("text",)))
    assert "p003 and p005" in doubled_images(context)[0].who


def test_of_a_few_numbers_only_equal_ones_are_doubled(make):
    def few(arrays, noise):
        return copied(
            replace(arrays, arrays={"image.vector": arrays.arrays["image.vector"][:, :3]}),
            3,
            [5],
            noise,
            ("image.vector",),
        )

    assert doubled_images(make(embeddings=lambda arrays: few(arrays, 0.05))) == []
    [finding] = doubled_images(make(embeddings=lambda arrays: few(arrays, 0.0)))
    assert "p003 and p005" in finding.who and "(1 equal" in finding.message


def test_a_text_alone_that_is_near_is_no_double(make):
    assert doubled_images(make(embeddings=lambda arrays: copied(arrays, 3, [5], 0.0, ("text",)))) == []


def test_doubles_on_the_same_side_are_no_leak(make):
    context = make(embeddings=lambda arrays: copied(arrays, 3, [5], 0.0))
    together = [f for f in context.split.folds if ("p003" in f.test) == ("p005" in f.test)]
    assert together and len(together) < len(context.split.folds)
    assert doubled_images(replace(context, split=Split("cv5", tuple(together)))) == []


def test_doubled_texts(make):
    def plant(cohort):
        texts = cohort.texts.copy()
        texts.loc["p009"] = texts.loc["p004"].str.upper()
        return replace(cohort, texts=texts)

    [finding] = doubled_texts(make(cohort=plant))
    assert finding.severity == "alarm" and "p004 and p009" in finding.who


def test_texts_of_a_template_are_equal_without_an_alarm(make):
    def short(cohort):
        return replace(cohort, texts=cohort.texts[["mass_effect"]])

    assert doubled_texts(make(cohort=short)) == []


def test_doubled_rows_where_they_are_no_accident(make, with_column):
    def plant(cohort, decimals):
        values = np.random.default_rng(3).normal(50, 10, (len(cohort), 3)).round(decimals)
        from strokebench.datasets.cohort import Column, Kind

        names = ["crp", "ldl", "bmi"]
        table = cohort.table.assign(**dict(zip(names, values.T, strict=True)))
        table.loc["p011"] = table.loc["p010"]
        return replace(cohort, table=table, columns={**cohort.columns, **{n: Column(Kind.NUMERIC) for n in names}})

    [finding] = doubled_rows(make(cohort=lambda cohort: plant(cohort, 2)))
    assert finding.severity == "alarm" and "p010 and p011" in finding.who

    def numbered(cohort):
        return replace(with_column(plant(cohort, 2), "mrn", range(len(cohort))), banned=("mrn",))

    assert "p010 and p011" in doubled_rows(make(cohort=numbered))[0].who
    few = make(
        cohort=lambda cohort: replace(
            cohort,
            table=cohort.table[["nihss", "smoker"]],
            columns={name: cohort.columns[name] for name in ("nihss", "smoker")},
        )
    )
    assert doubled_rows(few) == []


def noisy(labels, error, seed=0):
    wrong = np.random.default_rng(seed).random(len(labels)) < error
    return np.where(wrong, 1 - labels, labels)


def labels_of(cohort):
    return (cohort.table["nihss"] < 7).to_numpy(int)


@pytest.mark.parametrize("error, severity", [(0.01, "alarm"), (0.07, "warning"), (0.3, None)])
def test_column_gives_outcome(make, with_column, error, severity):
    def plant(cohort):
        return with_column(cohort, "ward", np.where(noisy(labels_of(cohort), error), "home", "clinic"), "categorical")

    findings = column_gives_outcome(make(cohort=plant))
    assert [finding.severity for finding in findings] == ([severity] if severity else [])
    assert all("ward" in finding.message for finding in findings)


def test_a_number_that_is_not_monotone_gives_it_away_too(make, with_column):
    def plant(cohort):
        random = np.random.default_rng(0)
        far = random.choice([-5.0, 5.0], len(cohort)) + random.normal(size=len(cohort))
        return with_column(cohort, "code", np.where(labels_of(cohort) == 1, random.normal(size=len(cohort)), far))

    [finding] = column_gives_outcome(make(cohort=plant))
    assert "code" in finding.message


def test_many_rare_categories_are_not_taken_for_a_leak(make, with_column):
    assert (
        column_gives_outcome(
            make(cohort=lambda c: with_column(c, "name", [f"n{i}" for i in range(len(c))], "categorical"))
        )
        == []
    )


def test_few_patients_reach_a_high_auc_by_chance():
    """Four patients in a perfect order are no proof; a hundred are."""
    few, many = (
        of_numbers(pd.Series(np.arange(n, dtype=float)), pd.Series([0, 1]).repeat(n // 2).reset_index(drop=True))
        for n in (4, 100)
    )
    assert few.auc == many.auc == 1
    assert few.severity(30) is None and many.severity(30) == "alarm"
    y = pd.Series([0, 1] * 50)
    assert of_categories(pd.Series(["a"] * 100), y) is None


@pytest.mark.parametrize("share, severity", [(0.02, "alarm"), (0.75, "warning")])
def test_missing_gives_outcome(make, with_column, share, severity):
    """Filled for all of label 0; missing for most, or for some, of label 1."""

    def plant(cohort):
        random = np.random.default_rng(0)
        lost = (labels_of(cohort) == 1) & (random.random(len(cohort)) > share)
        return with_column(cohort, "lactate", np.where(lost, np.nan, random.normal(size=len(cohort))))

    [finding] = missing_gives_outcome(make(cohort=plant))
    assert finding.severity == severity and "lactate" in finding.message


def test_missing_by_chance_is_no_leak(make, with_column):
    def plant(cohort):
        random = np.random.default_rng(0)
        return with_column(cohort, "lactate", np.where(random.random(len(cohort)) < 0.2, np.nan, 1.0))

    assert missing_gives_outcome(make(cohort=plant)) == []


@pytest.mark.parametrize(
    "derive",
    [
        lambda nihss, random: (nihss**2 + random.normal(0, 1, len(nihss)), "numeric"),
        lambda nihss, random: (-nihss, "numeric"),
        lambda nihss, random: ((nihss > 15).astype(float), "numeric"),
        lambda nihss, random: (np.array(["mild", "moderate", "severe"])[np.digitize(nihss, [8, 15])], "categorical"),
    ],
)
def test_column_derived_from_outcome(make, with_column, derive):
    def plant(cohort):
        values, kind = derive(cohort.table["nihss"].to_numpy(), np.random.default_rng(0))
        return with_column(cohort, "grade", values, kind)

    [finding] = column_derived_from_outcome(make(cohort=plant))
    assert finding.severity == "alarm" and "grade" in finding.message and "nihss" in finding.message


@pytest.mark.filterwarnings("error")
def test_rare_categories_alone_are_followed_by_nothing(make, with_column):
    rare = [f"of {number // 2}" for number in range(200)]
    assert (
        column_derived_from_outcome(make(cohort=lambda cohort: with_column(cohort, "job", rare, "categorical"))) == []
    )


def test_names_of_what_is_known_only_later(make, with_column):
    random = np.random.default_rng(0)
    context = make(cohort=lambda c: with_column(c, "days_to_discharge", random.normal(size=len(c))))
    [finding] = column_derived_from_outcome(context)
    assert finding.severity == "warning" and "days_to_discharge" in finding.message
    ignored = make(cohort=lambda c: replace(with_column(c, "days_to_discharge", 1.0), banned=("days_to_discharge",)))
    assert column_derived_from_outcome(ignored) == []


def said(cohort, sentence, of=lambda cohort: labels_of(cohort) == 1, column="mass_effect"):
    texts = cohort.texts.copy()
    chosen = of(cohort)
    lines = [sentence(i) if callable(sentence) else sentence for i in range(len(texts))]
    texts[column] = [
        f"{text} {line}" if take else text for text, line, take in zip(texts[column], lines, chosen, strict=True)
    ]
    return replace(cohort, texts=texts)


STATED = "The infarct volume suggests an NIHSS of about 4."


def test_text_states_outcome_only_where_the_filter_lets_it(make):
    def plant(cohort):
        return said(cohort, STATED)

    assert text_states_outcome(make(cohort=plant)) == []
    [finding] = text_states_outcome(make(cohort=plant, keep_scale_text=True))
    assert finding.severity == "alarm" and "NIHSS of about 4" in finding.who
    [finding] = text_states_outcome(make(cohort=plant), keep_text=lambda text: text)
    assert finding.severity == "alarm"


@pytest.mark.parametrize("sentence", ["Outcome: good lesion.", "The patient will recover from the infarct."])
def test_words_of_the_outcome(make, sentence):
    context = make(cohort=lambda cohort: said(cohort, sentence))
    assert text_states_outcome(context, keep_text=lambda text: text)[0].severity == "alarm"


def test_a_sentence_that_tells_the_outcome(make):
    [finding] = text_gives_outcome(make(cohort=lambda cohort: said(cohort, "The lesion is of kind zeta.")))
    assert finding.severity == "alarm" and "zeta" in finding.message
    half = lambda cohort: (labels_of(cohort) == 1) & (np.arange(len(cohort)) % 2 == 0)  # noqa: E731
    assert text_gives_outcome(make(cohort=lambda cohort: said(cohort, "The lesion is of kind zeta.", half))) == []


def test_a_number_that_tells_the_outcome(make):
    def plant(cohort):
        nihss = cohort.table["nihss"].to_numpy()
        return said(cohort, lambda i: f"The lesion severity is {nihss[i]:.0f} here.", lambda c: np.ones(len(c), bool))

    findings = text_gives_outcome(make(cohort=plant))
    assert findings[0].severity == "alarm" and "severity is # here" in findings[0].message


def test_site_predicts_outcome(make):
    def plant(cohort):
        site = pd.Series(np.where(noisy(labels_of(cohort), 0.15), "north", "south"), index=cohort.ids)
        return replace(cohort, site=site)

    [finding] = site_predicts_outcome(make(cohort=plant))
    assert finding.severity == "warning" and "north" in finding.message and "south" in finding.message


def test_every_alarm_bears_its_own_name(make):
    """A finding is shown beside the alarm that it names."""
    for name, alarm in QUICK.items():
        assert alarm.check.__name__ == name


@pytest.mark.parametrize(
    ("title", "about", "learnt", "told"),
    [
        ("the Stroke Outcome Optimization Project", {}, ("ADNI", "owner/SOOP"), "SOOP"),
        ("DWI of a challenge", {"source": "ISLES'22 (Zenodo)"}, ("isles2022",), "ISLES"),
        ("our ward", {}, ("owner/small",), "small"),
        ("our ward", {"source": "OpenNeuro ds004889", "text_trained_on": "SOOP, PubMed"}, (), "SOOP"),
    ],
)
def test_a_model_that_has_learnt_from_the_cohort(make, title, about, learnt, told):
    [finding] = learnt_from_cohort(
        make(
            cohort=lambda cohort: replace(cohort, title=title, about=about),
            embeddings=lambda arrays: replace(arrays, trained_on={"large net": learnt}),
        )
    )
    assert finding.severity == "alarm" and told in finding.message
    assert ("large net" if learnt else "wrote the texts") in finding.message


@pytest.mark.parametrize("shape", ["image.vector", "text"])
def test_a_number_of_features_that_tells_the_outcome(make, shape):
    def plant(cohort, at=2):
        values = np.random.default_rng(0).normal(size=(len(cohort.ids), 4))
        values[:, at] = np.where(cohort.table["nihss"].isna(), np.nan, cohort.table["nihss"])
        if shape == "image.vector":
            return replace(cohort, features={shape: pd.DataFrame(values, cohort.ids)})
        return replace(cohort, features={shape: pd.Series([*values.reshape(-1, 1, 1, 4)], cohort.ids, dtype=object)})

    [finding] = feature_gives_outcome(make(cohort=plant))
    assert finding.severity == "alarm" and f"number 3 of {shape} (AUC 100)" in finding.message
    assert feature_gives_outcome(make()) == []


def test_what_made_features_is_said_of_a_model_and_not_of_the_patients(make):
    about = {"image_features": "clip (ready-made by a net of ISLES)", "image_features_trained_on": "a net of ISLES"}
    context = make(
        cohort=lambda cohort: replace(cohort, title="our ward", about=about),
        embeddings=lambda arrays: replace(arrays, trained_on={"clip": ("a net of ISLES",)}),
    )
    assert learnt_from_cohort(context) == []
    of_isles = replace(context.cohort, about={**about, "source": "ISLES'22"})
    (finding,) = learnt_from_cohort(replace(context, cohort=of_isles))
    assert "encoder clip has learnt from ISLES" in finding.message


@pytest.mark.parametrize("learnt", [("23 public sets of CT and MRI",), ("ImageNet", "soopy", "miles"), ()])
def test_a_model_that_has_learnt_from_others(make, learnt):
    context = make(
        cohort=lambda cohort: replace(cohort, title="SOOP", about={"source": "ISLES'22"}),
        embeddings=lambda arrays: replace(arrays, trained_on={"net": learnt}),
    )
    assert learnt_from_cohort(context) == []
