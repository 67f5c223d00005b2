"""Features that another program made stand in an encoder's place, joined by id, and say where they come from."""

import numpy as np
import pandas as pd
import pytest
from hospital_folder import clinical_table

from strokebench.datasets.encoders import registry
from strokebench.datasets.encoders.encode import encode_cohort
from strokebench.datasets.encoders.untrained_resnet import UntrainedResNet
from strokebench.datasets.own.load import load
from strokebench.errors import StrokebenchError
from strokebench.reports.cohort.check import check_cohort

pytestmark = pytest.mark.usefixtures("own_home")
RADIOMICS = "features: {radiomics: {image: r.csv, fitted_on: none, source: PyRadiomics 3.1}}\n"


@pytest.fixture
def folder(tmp_path):
    clinical_table().to_csv(tmp_path / "t.csv", index=False)
    return tmp_path


@pytest.fixture
def ids(folder):
    return pd.read_csv(folder / "t.csv", dtype=str)["id"].tolist()


@pytest.fixture
def radiomics(folder, ids):
    """Writes and gives a table as PyRadiomics writes it, its rows in another order than the clinical one."""

    def write(edit=lambda table: table, columns=6):
        numbers = np.random.default_rng(0).lognormal(3, 2, (len(ids), columns)).round(4)
        table = pd.DataFrame(numbers, columns=[f"original_{i}" for i in range(columns)])
        table.insert(0, "diagnostics_Versions_Python", "3.7.0")
        table.insert(0, "id", ids)
        table = edit(table.iloc[::-1].astype(object))
        table.to_csv(folder / "r.csv", index=False)
        return table

    return write


@pytest.fixture
def cohort_of(folder):
    def write(keys):
        path = folder / "c.yaml"
        path.write_text("table: t.csv\nid: id\noutcome: mrs > 2\n" + keys)
        return path

    return write


def archive(folder, patients, *shape, **changes):
    values = np.random.default_rng(1).normal(size=(len(patients), *shape)).astype(np.float32)
    np.savez(folder / "v.npz", **{"ids": np.array(patients), "vectors": values, **changes})
    return values


def zeros(table):
    """Nothing but 0 of p03."""
    table.loc[table["id"] == "p03", [name for name in table if name.startswith("original")]] = 0
    return table


def copied(table):
    """The numbers of p05 in the row of p03."""
    names = [name for name in table if name.startswith("original")]
    table.loc[table["id"] == "p03", names] = table.loc[table["id"] == "p05", names].to_numpy()
    return table


def found(path):
    return [(p.patient, p.code) for p in check_cohort(str(path), jobs=1).problems]


def test_a_table_of_features_is_the_image_of_each_patient(radiomics, cohort_of, ids):
    table = radiomics().set_index("id").loc[ids]
    cohort = load(cohort_of(RADIOMICS))
    made = encode_cohort(cohort)
    rows = made.arrays["image.vector"][made.rows(pd.Index(ids))]
    np.testing.assert_allclose(rows, table.drop(columns="diagnostics_Versions_Python").to_numpy(np.float32))
    assert made.encoders == {"image": "radiomics (ready-made by PyRadiomics 3.1, learnt from no patient)"}
    assert made.trained_on == {} and list(made.arrays) == ["image.vector"]


def test_what_a_table_of_features_leaves_unread_is_said(radiomics, cohort_of, ids):
    def edit(table):
        table.iloc[7, 4] = None
        return pd.concat([table, table.head(1).assign(id="stranger"), table.head(1).assign(id="")])

    radiomics(edit)
    path = cohort_of(RADIOMICS)
    report = check_cohort(str(path), jobs=1)
    assert report.problems == []
    said = "\n".join(report.notes)
    assert "columns without a number, not read (1): diagnostics_Versions_Python" in said
    assert "rows of no patient in the table (2): (no id), stranger" in said
    assert "radiomics: 1 empty cell of r.csv, filled with the training mean" in said
    assert "image.vector: 6 numbers of radiomics" in said
    assert "diagnostics_Versions_Python" in load(path).about["inferred"]


@pytest.mark.parametrize("modality", ["image", "text"])
def test_whom_features_have_learnt_from_is_asked(radiomics, cohort_of, modality):
    radiomics()
    path = cohort_of(f"features: {{radiomics: {{{modality}: r.csv}}}}\n")
    assert found(path) == [(None, "features_fitted")]
    with pytest.raises(StrokebenchError, match=r"has learnt from these patients.*fitted_on"):
        load(path)


def test_features_learnt_from_others_say_of_what(radiomics, cohort_of):
    radiomics()
    made = encode_cohort(load(cohort_of("features: {clip: {image: r.csv, fitted_on: other, source: CLIP of LAION}}\n")))
    (name,) = made.trained_on
    assert name == made.encoders["image"] == "clip (ready-made by CLIP of LAION, learnt from other patients)"
    assert made.trained_on[name] == ("CLIP of LAION",)


def test_what_wrote_the_texts_may_say_what_it_has_learnt_from(cohort_of):
    assert load(cohort_of("text_trained_on: PubMed, SOOP\n")).about["text_trained_on"] == "PubMed, SOOP"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda t: t.drop(t.index[t["id"] == "p03"]), [("p03", "features_missing")]),
        (lambda t: t.assign(id=t["id"].replace({"p03": "p3"})), [("p03", "features_missing")]),
        (lambda t: t.assign(id="x" + t["id"]), [(None, "features_wrong")]),
        (lambda t: pd.concat([t, t.head(1)]), [(None, "features_wrong")]),
        (lambda t: t.assign(original_2=["high", *t["original_2"][1:]]), [(None, "features_wrong")]),
        (lambda t: t.assign(original_2=["inf", *t["original_2"][1:]]), [(None, "features_wrong")]),
        (lambda t: t.assign(original_2=[None, *t["original_2"][1:]]), []),
        (lambda t: t.assign(original_2="1,203"), [(None, "features_wrong")]),
        (zeros, [("p03", "features_missing")]),
        (copied, [("p05", "image_doubled")]),
        (lambda t: t.assign(original_2=0), []),
    ],
)
def test_what_is_wrong_with_features_is_named(radiomics, cohort_of, edit, expected):
    radiomics(edit)
    assert found(cohort_of(RADIOMICS)) == expected


@pytest.mark.parametrize(("columns", "expected"), [(3, []), (4, [("p05", "image_doubled")])])
def test_three_numbers_may_be_equal_by_chance_and_four_are_of_one_image(radiomics, cohort_of, columns, expected):
    radiomics(copied, columns)
    assert found(cohort_of(RADIOMICS)) == expected


def test_a_patient_without_features_may_be_accepted_and_is_counted(radiomics, cohort_of):
    radiomics(lambda table: table[table["id"] != "p03"])
    cohort = load(cohort_of(RADIOMICS + "accept: {features_missing: [p03]}\n"))
    assert "radiomics: 1" in cohort.about["missing"]
    made = encode_cohort(cohort)
    assert np.isnan(made.arrays["image.vector"]).all(axis=1).sum() == 1


def test_tokens_of_an_archive_are_the_image_and_their_mean_its_vector(folder, ids, cohort_of):
    tokens = archive(folder, ids, 16, 5)
    made = encode_cohort(load(cohort_of("features: {net: {image: v.npz, fitted_on: other}}\n")))
    rows = made.rows(pd.Index(ids))
    np.testing.assert_array_equal(made.arrays["image.tokens"][rows], tokens)
    np.testing.assert_allclose(made.arrays["image.vector"][rows], tokens.mean(1), rtol=1e-5)


@pytest.mark.parametrize(("shape", "row"), [((7,), (1, 1, 7)), ((4, 7), (1, 4, 7))])
def test_features_of_a_text_are_one_answer(folder, ids, cohort_of, shape, row):
    values = archive(folder, ids, *shape)
    made = encode_cohort(load(cohort_of("features: {bert: {text: v.npz, fitted_on: other}}\n")))
    np.testing.assert_array_equal(made.arrays["text"][made.rows(pd.Index(ids))], values.reshape(len(ids), *row))


def test_features_of_several_files_lie_side_by_side(radiomics, folder, ids, cohort_of):
    radiomics()
    values = archive(folder, ids, 5)
    both = "features: {radiomics: {image: r.csv, fitted_on: none}, clip: {image: v.npz, fitted_on: other}}\n"
    made = encode_cohort(load(cohort_of(both)))
    rows = made.arrays["image.vector"][made.rows(pd.Index(ids))]
    assert rows.shape == (len(ids), 11)
    np.testing.assert_array_equal(rows[:, 6:], values)
    archive(folder, ids, 16, 5)
    with pytest.raises(StrokebenchError, match="radiomics has a vector, clip has 16 tokens"):
        load(cohort_of(both))


def test_ids_of_an_archive_may_be_whole_numbers(folder, cohort_of):
    clinical_table().assign(id=range(100, 140)).to_csv(folder / "t.csv", index=False)
    values = archive(folder, list(range(100, 140)), 3)
    cohort = load(cohort_of("features: {net: {image: v.npz, fitted_on: other}}\n"))
    np.testing.assert_array_equal(cohort.feature_array("image.vector", pd.Index(["107"])), values[7:8])


@pytest.mark.parametrize(
    ("shape", "changes", "words"),
    [
        ((15, 4), {}, "15 tokens"),
        ((), {}, "no numbers of 40 patients"),
        ((3,), {"more": np.zeros(40)}, "one array"),
        ((3,), {"ids": np.zeros(40)}, "texts or whole numbers"),
        ((3,), {"ids": np.array(["p01"])}, "no numbers of 1 patients"),
        ((3,), {"ids": np.array(["p\x1b01"] * 40)}, "no text"),
        ((3,), {"ids": np.full(40, 0x110000, np.uint32).view("<U1")}, "no text"),
        ((3,), {"ids": np.array(["p01", None])}, "plain arrays"),
        ((3,), {"vectors": np.full((40, 3), "x")}, "no numbers"),
    ],
)
def test_an_archive_of_another_form_is_one_line(folder, ids, cohort_of, shape, changes, words):
    archive(folder, ids, *shape, **changes)
    with pytest.raises(StrokebenchError, match=words):
        load(cohort_of("features: {net: {image: v.npz, fitted_on: other}}\n"))


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ("{radiomics: r.csv}", "whose vectors"),
        ("{radiomics: {fitted_on: none}}", "`image:` or as `text:`"),
        ("{radiomics: {image: r.csv, text: r.csv}}", "`image:` or as `text:`"),
        ("{radiomics: {image: r.csv, fitted_on: all}}", "'all' is not one of none, other, training"),
        ("{radiomics: {image: r.csv, fited_on: none}}", "did you mean 'fitted_on'"),
        ("{radiomics: {image: 'r{fold}.csv'}}", "fitted_on: training"),
        ("r.csv", "pairs"),
    ],
)
def test_a_faulty_key_of_features_is_named(radiomics, cohort_of, features, words):
    with pytest.raises(StrokebenchError, match=words):
        load(cohort_of(f"features: {features}\n"))


def test_an_image_whose_features_are_there_is_not_encoded(radiomics, folder, ids, cohort_of, monkeypatch):
    class Refuses(UntrainedResNet):
        def encode(self, volumes, device="cpu"):
            raise AssertionError("encoded")

    monkeypatch.setitem(registry.ENCODERS.own, "small", Refuses)
    radiomics()
    (folder / "images").mkdir()
    for id in ids:
        (folder / "images" / f"{id}.nii").write_bytes(b"")
    cohort = load(cohort_of(RADIOMICS + "images: images/{id}.nii\n"))
    assert encode_cohort(cohort, "small+minilm").arrays["image.vector"].shape == (len(ids), 6)


def test_a_thousand_columns_are_read_as_they_are(radiomics, cohort_of, ids):
    table = radiomics(columns=1000).set_index("id").loc[ids]
    vectors = load(cohort_of(RADIOMICS)).feature_array("image.vector", pd.Index(ids))
    np.testing.assert_allclose(vectors, table.iloc[:, 1:].to_numpy(np.float32))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda t: t.assign(mrs=2), "'mrs', named like what is known only later"),
        (lambda t: t.assign(mrs_late=2), "'mrs_late', named like"),
        (lambda t: t.assign(Label=[0, 1] * (len(t) // 2)), "'Label', named like"),
        (lambda t: t.assign(y_true=[0, 1] * (len(t) // 2)), "'y_true', named like"),
        (lambda t: t.assign(length_of_stay=2), "'length_of_stay', named like"),
        (lambda t: t.rename(columns={"original_0": ""}), "a column without a name"),
        (lambda t: t.assign(n=np.arange(len(t))), "'n' that holds the numbers of the rows"),
        (lambda t: t.assign(scan=44200 + np.arange(len(t)) % 3), "'scan' that holds dates"),
        (lambda t: t.assign(original_1=[-999, *t["original_1"][1:]]), "has -999 in 'original_1'"),
        (lambda t: t.rename(columns={"original_0": "original_1"}), "several columns of one name: original_1"),
    ],
)
def test_a_column_of_features_that_is_none_is_told(radiomics, cohort_of, edit, said):
    radiomics(edit)
    (problem,) = check_cohort(str(cohort_of(RADIOMICS)), jobs=1).problems
    assert problem.code == "features_wrong" and said in problem.what
