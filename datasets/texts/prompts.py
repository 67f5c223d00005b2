"""The five questions that a vision language model is asked about a patient's brain MRI.

The subjects are the paper's (section 3.2: infarct core volume, ASPECTS, lesion areas, mass effect, NIHSS
range). It does not print its wording; the wording here is our own.
"""

from collections.abc import Mapping

VERSION = 1
"""Raised whenever a question changes, so that answers to the old one are not taken for answers to the new."""

PROMPTS = ("infarct_volume", "aspects", "lesion_areas", "mass_effect", "nihss_range")
"""Prompt names, in the order of every array and table that has a prompt axis."""

INSTRUCTIONS = (
    "You are shown axial slices of one patient's brain MRI, from the base of the skull to the vertex, after "
    "an acute ischaemic stroke. The left of each picture is the patient's right. Answer in one to four "
    "sentences, as in the findings section of a radiology report. Describe only what these slices show. Say "
    "nothing of the patient's age, sex or history, of other examinations, of treatment or of outcome."
)
"""Sent ahead of every question."""

QUESTIONS: Mapping[str, str] = {
    "infarct_volume": (
        "Estimate the volume of the acute infarct core in millilitres and say on which side of the brain it is."
    ),
    "aspects": (
        "Give the Alberta Stroke Program Early CT Score (ASPECTS, 0 to 10) of the affected hemisphere and "
        "name the regions that lose a point. If the infarct is outside the territory of the middle cerebral "
        "artery, say that the score does not apply."
    ),
    "lesion_areas": (
        "Name the arterial territories and brain regions that the acute infarct involves, with their side "
        "and how much of each is damaged."
    ),
    "mass_effect": (
        "Describe the mass effect of the infarct: swelling, effacement of sulci or ventricles, and "
        "displacement of the midline. Grade it as none, mild or marked."
    ),
    "nihss_range": (
        "From the size and place of the infarct alone, estimate the range in which the patient's NIH Stroke "
        "Scale (NIHSS, 0 to 42) is likely to lie, and describe the expected severity of the deficit."
    ),
}
"""The question of each prompt."""
