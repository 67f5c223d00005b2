"""Where the paper contradicts itself or leaves something open, which reading this project takes, and why."""

from __future__ import annotations

from dataclasses import dataclass

from strokebench.reports.tables.table import Cell, Column, Kind, Row, Table


@dataclass(frozen=True)
class PaperNote:
    """One contradiction or gap.

    Args:
        key: unique. about: its subject in a few words. found: what the paper says. reading: what we take.
        why: the reason.
    """

    key: str
    about: str
    found: str
    reading: str
    why: str


NOTES: tuple[PaperNote, ...] = (
    PaperNote(
        "runs",
        "How many runs",
        "Five-fold cross-validation is announced, and a test part of 146 patients.",
        "Four runs, one a seed, on one fixed test part: protocol holdout.",
        "Every recall of Tables 2 and 3 is a multiple of 1/184 and every specificity one of 1/400, as four runs on 46 "
        "and 100 patients give; twenty runs would not.",
    ),
    PaperNote(
        "deviation",
        "Which deviation",
        "Not stated.",
        "The population's (ddof 0).",
        "With the sample's, no confusion matrices give the printed numbers; the audit shows it.",
    ),
    PaperNote(
        "f1",
        "Mean F1",
        "Not stated.",
        "The mean of the runs' F1, for the positive class alone.",
        "Only that gives the printed values; F1 of mean precision and recall does not.",
    ),
    PaperNote(
        "direction",
        "Who is positive",
        "Label 1 is a good outcome (NIHSS below 7) in one place; elsewhere positives are patients at high risk.",
        "Label 1, the minority, is positive. What it means to a clinician is left open.",
        "The metrics prove that the smaller class is called positive, not what it stands for.",
    ),
    PaperNote(
        "outcome",
        "An outcome made of the NIHSS",
        "The outcome is a threshold on the NIHSS, taken at a time that is not named, and the language model is asked "
        "for an NIHSS range.",
        "No NIHSS among the inputs; sentences that state one are taken out of the text.",
        "Otherwise the outcome itself would be an input.",
    ),
    PaperNote(
        "prevalence",
        "Share of label 0",
        "68.14 % of 729 patients.",
        "About 68 %, and a stratified test part of 46 and 100.",
        "No whole number of 729 patients is 68.14 %.",
    ),
    PaperNote(
        "hospitals",
        "Number of hospitals",
        "Two in the description of the data, four where one is left out at a time.",
        "The hospitals that a cohort names.",
        "The numbers a hospital are not given, but for one.",
    ),
    PaperNote(
        "precision",
        "Precision of the final setting",
        "71.39 in the tables, 67.39 in the text on the loss weights.",
        "71.39.",
        "67.39 is the recall of the same row.",
    ),
    PaperNote(
        "f1_deviation",
        "Deviation of F1 with the alignment loss",
        "2.24, the same as the deviation of ACC in that row of Table 3.",
        "2.44.",
        "No runs give 2.24 with the other nine numbers; exactly one set of runs gives 2.44.",
    ),
    PaperNote(
        "mlp",
        "The MLP's recall and specificity",
        "34.57 and 92.33.",
        "Not comparable.",
        "Neither is a share of whole patients in four runs on 46 and 100: this row at least was made in another way.",
    ),
    PaperNote(
        "balance",
        "Single-modal rows of Table 1",
        "The best deep one has an F1 near 52; VDAFM on the table alone has 61.92 in Table 2.",
        "All methods are trained on the same balanced data.",
        "The gap suggests that the rows of Table 1 were made without balancing, so they are hardly like for like.",
    ),
    PaperNote(
        "pairs",
        "Pairs against single modalities",
        "Every pair is said to beat the best single modality.",
        "No expectation.",
        "Text and image together have a lower AUC and ACC than the table alone in the paper's own Table 2.",
    ),
    PaperNote(
        "all_losses",
        "All losses best",
        "The complete loss is said to be best in all key indicators.",
        "No expectation.",
        "Its recall, 67.39, is the lowest of four in Table 3; and 8 heads have a higher AUC than the chosen 16.",
    ),
    PaperNote(
        "specificity",
        "Best specificity",
        "Claimed for XGBoost, for VDAFM (87.50), while the MLP's is given as 92.33.",
        "VDAFM's is the best of the multimodal rows at most.",
        "The three statements cannot all hold for the whole table.",
    ),
    PaperNote(
        "text",
        "Worth of the text",
        "Alone it is at chance (AUC 49.51), yet it adds 6.8 points to the image and 1.8 to the table.",
        "No expectation.",
        "The text is written from the image, and the differences are within the noise of 146 patients.",
    ),
    PaperNote(
        "rows",
        "Order of rows",
        "Some rows of Tables 2 and 3 can be told only by elimination or by the order of the text.",
        "Table 2: image, and the three pairs; Table 3: contrastive before alignment.",
        "The text quotes the others; the two middle rows of Table 3 may be exchanged.",
    ),
    PaperNote(
        "zeroing",
        "Taking a modality away",
        "It is replaced by a matrix of zeros; when, and whether before standardisation, is not said.",
        "Zeros after standardisation, in training, validation and test.",
        "Then nothing of it can be learnt; what happens at test time only is shown in Table 2 beside it.",
    ),
    PaperNote(
        "weights",
        "Which weight is which",
        "The symbols of figure 3 are lost; one range ends at 0.5, the other at 0.1.",
        "0.5 is the end for the contrastive loss (chosen 0.2), 0.1 for the alignment loss (chosen 0.02).",
        "Each chosen value lies inside its range.",
    ),
    PaperNote(
        "baselines",
        "Baselines made for other tasks",
        "EarthMind is said to fuse image and text, SparseMM to be a framework of two modalities.",
        "Adaptations of our own, with what was lost said in footnotes.",
        "EarthMind aligns two image sensors; SparseMM compresses the memory of a language model and fuses nothing.",
    ),
    PaperNote(
        "angle",
        "Angle between image and text",
        "Joint encoding is said to make it smaller; the number is lost in the text that we have.",
        "Measured on the test patients of seed 42, without a number to compare.",
        "See the experiment `alignment`.",
    ),
)


def notes_table() -> Table:
    """The notes as a table, one row each."""
    columns = [
        Column("found", "In the paper", Kind.TEXT),
        Column("reading", "Our reading", Kind.TEXT),
        Column("why", "Why", Kind.TEXT),
    ]
    rows = [
        Row(
            key=note.key,
            label=note.about,
            group="Contradictions and gaps",
            cells={name: Cell(text=getattr(note, name)) for name in ("found", "reading", "why")},
            done=1,
            planned=1,
        )
        for note in NOTES
    ]
    return Table(
        name="paper_notes",
        title="Contradictions and gaps of the paper",
        cohort="the paper's own text",
        caption="What the paper says that cannot all be true, or does not say, and the reading that is taken here.",
        columns=columns,
        rows=rows,
        head="Subject",
        counts_runs=False,
    )
