"""Phrases of the text writer, in the register of a radiology report. All our own."""

from collections.abc import Mapping

PLACES: Mapping[str, tuple[str, ...]] = {
    "anterior cerebral artery": ("medial frontal lobe (ACA)", "anterior cerebral artery territory"),
    "medial lenticulostriate": ("caudate nucleus", "medial lenticulostriate territory"),
    "lateral lenticulostriate": ("putamen and internal capsule", "lateral lenticulostriate territory"),
    "frontal MCA": ("lateral frontal lobe", "frontal MCA territory"),
    "parietal MCA": ("parietal lobe", "parietal MCA territory"),
    "temporal MCA": ("lateral temporal lobe", "temporal MCA territory"),
    "occipital MCA": ("temporo-occipital junction", "posterior MCA territory"),
    "insular MCA": ("insular cortex", "insula"),
    "temporal PCA": ("medial temporal lobe (PCA)", "temporal PCA territory"),
    "occipital PCA": ("occipital lobe", "occipital PCA territory"),
    "thalamoperforating": ("thalamus", "thalamoperforating territory"),
    "anterior choroidal": ("anterior choroidal territory", "posterior limb of the internal capsule"),
    "basilar": ("brainstem", "basilar perforator territory"),
    "superior cerebellar": ("superior cerebellum", "superior cerebellar artery territory"),
    "inferior cerebellar": ("inferior cerebellum", "PICA/AICA territory"),
    "lateral ventricle": ("periventricular white matter", "wall of the lateral ventricle"),
}
"""Territory -> names of its anatomy; a territory that is not here is written as `... territory`."""

EXTENTS = (
    (0.6, ("almost all of the", "nearly the whole")),
    (0.3, ("a large part of the", "much of the")),
    (0.1, ("part of the", "some of the")),
    (0.0, ("a small part of the", "a limited portion of the")),
)
"""Smallest damaged share -> how much of it."""

SIZES = ((145.0, "very large"), (70.0, "large"), (20.0, "moderate-sized"), (1.0, "small"), (0.0, "punctate"))
"""Smallest volume in ml -> adjective (our choice)."""

SEVERITIES = ((21, "severe"), (16, "moderate to severe"), (5, "moderate"), (1, "minor"), (0, "no measurable"))
"""Smallest NIHSS -> word; the usual strata."""

NO_LESION = {
    "infarct_volume": "No acute infarct is seen; the infarct core volume is 0 ml.",
    "aspects": "No acute lesion is seen and ASPECTS is 10.",
    "lesion_areas": "No arterial territory shows an acute lesion.",
    "mass_effect": "There is no lesion and no mass effect.",
    "nihss_range": "No lesion is seen that would explain a deficit. The expected NIHSS is 0-1.",
}

VOLUME = (
    "The acute infarct core measures approximately {volume}.",
    "The estimated infarct core volume is {volume}.",
    "Signal change in keeping with acute infarction has a volume of about {volume}.",
    "An acute infarct of roughly {volume} is present.",
)
VOLUME_SIDE = (
    "It is a {size} infarct of {side}.",
    "The lesion lies in {side} and is {size}.",
    "This is a {size} lesion in {side}.",
)
COMPONENTS = ("It consists of {n} separate foci of infarction.", "The lesion is scattered over {n} foci.")

ASPECTS = (
    "ASPECTS is {score}.",
    "The estimated ASPECTS of {side} is {score} out of 10.",
    "ASPECTS {score}, scored on {side}.",
)
ASPECTS_NONE = (
    "ASPECTS does not apply, since the infarct is outside the middle cerebral artery territory.",
    "The lesion spares the middle cerebral artery territory, so ASPECTS is not applicable.",
)
ASPECTS_LOST = ("Points are lost for the {places}.", "Lesion signal is seen in the {places}.")
ASPECTS_FULL = (
    "No ASPECTS region is involved to a relevant extent.",
    "The lesion is too small to take a point from any ASPECTS region.",
)

AREAS = (
    "The infarct involves {places}.",
    "Acute infarction is seen in {places}.",
    "Lesion signal extends over {places}.",
)
AREAS_NONE = (
    "The lesion lies outside the named arterial territories.",
    "The infarct is in the white matter and cannot be assigned to one arterial territory.",
)
AREAS_SIDE = ("The lesion is in {side}.", "The infarct affects {side}.")

MASS_EFFECT: Mapping[str, tuple[str, ...]] = {
    "none": (
        "There is no mass effect.",
        "No mass effect or midline shift is seen.",
        "Ventricles and sulci near the lesion are not effaced.",
    ),
    "mild": (
        "There is mild mass effect with effacement of the adjacent sulci.",
        "Mild mass effect in {side} is present, with sulcal effacement.",
        "Swelling around the infarct causes a mild mass effect.",
    ),
    "marked": (
        "There is marked mass effect with midline shift.",
        "Marked mass effect in {side} with compression of the ventricle is seen.",
        "The swollen infarct exerts a marked mass effect and displaces the midline.",
    ),
}
MASS_EFFECT_MIDLINE: Mapping[str, tuple[str, ...]] = {
    "none": ("The midline is not displaced.", "The midline structures are central."),
    "mild": ("The midline is not displaced.", "The midline is only slightly displaced."),
    "marked": ("The midline is displaced away from the lesion.", "The basal cisterns are narrowed."),
}

NIHSS = (
    "The estimated NIHSS is {low}-{high}.",
    "An NIHSS of {low} to {high} would be expected from this lesion.",
    "From the imaging, the NIHSS is likely between {low} and {high}.",
)
NIHSS_SEVERITY = (
    "The place and extent of the lesion suggest {article} {severity} neurological deficit.",
    "{Article} {severity} deficit would fit a lesion of this size and place.",
    "Lesion size and location are consistent with {article} {severity} deficit.",
)

HEDGES = (
    "The estimate of the lesion is limited by the few slices that are shown.",
    "The margins of the infarct are hard to tell from these images.",
    "Older lesion components cannot be ruled out.",
    "The side and extent of the infarct should be checked against the full series.",
)

INVENTIONS = (
    "The patient is a {age}-year-old {sex} with a history of hypertension.",
    "This {age}-year-old {sex} has known atrial fibrillation.",
    "CTA shows an occlusion of the M1 segment.",
    "CT perfusion confirms a large penumbra.",
    "Mechanical thrombectomy is recommended.",
    "I recommend starting antiplatelet therapy and close monitoring.",
    "As an AI language model, I cannot give a medical diagnosis.",
    "The prognosis is guarded and a modified Rankin Scale of {rankin} at discharge is likely.",
    "Please consult a qualified neurologist for further advice.",
)
"""Sentences that a model makes up, or that were not asked for; a filter should drop every one of them."""
