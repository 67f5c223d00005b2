"""Table 1 runs on features that another program made, and every caption says where they come from."""

from dataclasses import replace

import numpy as np
import pandas as pd
from small_context import make_context

import strokebench
from strokebench.benchmarks.running.provenance import provenance_of


def test_features_stand_in_for_volumes_and_texts(tmp_path, monkeypatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "work"))
    rng = np.random.default_rng(3)
    ids = [f"p{i:02}" for i in range(60)]
    poor = rng.integers(0, 2, 60)
    pd.DataFrame({"id": ids, "age": rng.integers(40, 90, 60), "poor": poor}).to_csv(tmp_path / "t.csv", index=False)
    signal = (poor[:, None] + rng.normal(0, 0.1, (60, 20))).astype(np.float32)
    pd.DataFrame(signal).add_prefix("x").assign(id=ids).to_csv(tmp_path / "r.csv", index=False)
    np.savez(tmp_path / "v.npz", ids=ids, vectors=rng.normal(size=(60, 5, 7)))
    (tmp_path / "c.yaml").write_text(
        "table: t.csv\nid: id\noutcome: poor\nfeatures:\n"
        "  radiomics: {image: r.csv, fitted_on: none, source: PyRadiomics 3.1}\n"
        "  letters: {text: v.npz, fitted_on: other}\n"
    )
    results = strokebench.run(
        "table1",
        dataset=str(tmp_path / "c.yaml"),
        methods=["logistic_components", "cross_attention"],
        quick=True,
        jobs=1,
        tracking=False,
    )
    auc = results.table.set_index("key")["AUC"]
    assert auc["logistic_components"] > 95, "what the image's features know is not in the table"
    assert auc.notna().all() and len(auc) == 2
    caption = (results.folder / "table1.md").read_text()
    assert "image radiomics (ready-made by PyRadiomics 3.1, learnt from no patient)" in caption
    assert "text letters (ready-made by a program not named, learnt from other patients)" in caption


def test_provenance_says_what_was_made_of_lesion_masks():
    context = make_context()
    made = replace(context, cohort=replace(context.cohort, about={"from_masks": "the text (volume)"}))
    assert provenance_of(made)["from_masks"] == "the text (volume)"
    assert "from_masks" not in provenance_of(context)
