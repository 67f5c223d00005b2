"""What the text filter lets through and what it stops. All patterns are our own."""

import re
from collections.abc import Mapping


def _any(*words: str) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)(?:" + "|".join(words) + r")(?!\w)", re.IGNORECASE)


ABBREVIATIONS = frozenset(
    {"e.g.", "i.e.", "approx.", "ca.", "cf.", "vs.", "dr.", "prof.", "mr.", "mrs.", "ms.", "no.", "fig.", "vol."}
    | {"resp.", "incl.", "est.", "max.", "min.", "sup.", "inf.", "ant.", "post.", "lat.", "med."}
)
"""Words whose point ends no sentence."""

WHITE_LIST = _any(
    r"infarct\w*",
    r"lesion\w*",
    r"isch[a]?emi\w*",
    r"stroke",
    r"volumes?",
    r"\d[\d.]*\s*(?:ml|cc|cm3|cm³|millilit\w+)",
    r"territor\w+",
    r"arter\w+",
    r"(?:M|A|P)CA",
    r"left",
    r"right",
    r"bilateral\w*",
    r"hemispher\w+",
    r"ASPECTS?",
    r"mass[- ]effect",
    r"midline",
    r"(?:o?edema|swelling)",
    r"efface\w*",
    r"sulc\w+",
    r"ventric\w+",
    r"cistern\w*",
    r"herniat\w+",
    r"NIHSS",
    r"(?:neurological )?deficits?",
    r"severity",
    r"(?:frontal|parietal|temporal|occipital|insular?|thalam\w+|cerebell\w+|brainstem|pon(?:s|tine))",
    r"(?:putamen|caudate|lentiform|basal ganglia|internal capsule|corona radiata|white matter|cort\w+)",
)
"""Subjects of the five questions; a sentence has to name at least one."""

BLACK_LIST: Mapping[str, re.Pattern[str]] = {
    "an instruction": _any(
        r"(?:ignore|disregard|forget|override)\s+(?:\w+\s+){0,4}(?:instructions?|prompts?|rules?|messages?|above)",
        r"(?:system|developer) (?:prompt|message)",
        r"you are (?:now|no longer)",
        r"(?:act|behave|respond|answer) as (?:if|an?)",
        r"from now on",
        r"(?:new|following) instructions?",
        r"(?:output|print|reply|respond|answer) (?:only|with)",
        r"label (?:this|the) (?:patient|case|image)",
    ),
    "a refusal": _any(
        r"I(?:['’]m| am) (?:sorry|unable|not able|afraid)",
        r"I (?:cannot|can['’]t|can not|could not|won['’]t|do not|don['’]t)",
        r"as an? (?:AI|artificial|(?:large |vision )?language|assistant)",
        r"(?:AI|language) (?:language )?(?:models?|assistants?)",
        r"(?:cannot|unable to) (?:provide|assist|help|give|offer|view|comply|diagnose)",
        r"not a (?:doctor|physician|radiologist|substitute|medical)",
        r"(?:medical|professional) (?:advice|diagnosis|judge?ment)",
    ),
    "who the patient is": _any(
        r"\d{1,3}[- ]?(?:years?|yrs?|y)[- ]?(?:old|of age)",
        r"aged \d+",
        r"age of \d+",
        r"(?:elderly|middle-aged|young)",
        r"(?:man|woman|male|female|gentleman|lady|he|she|his|her|him)",
        r"(?:Mr|Mrs|Ms)\.? [A-Z]\w+",
        r"date of birth",
        r"(?:patient|medical record) (?:name|id|number)",
        r"(?:history|smok\w+|hypertension|hypertensive|diabet\w+|hyperlipid\w+|atrial fibrillation)",
        r"present(?:s|ed|ing) with",
        r"symptom onset",
    ),
    "treatment or advice": _any(
        r"recommend\w*",
        r"(?:is|are) advised",
        r"(?:thrombolysis|thrombolytic\w*|thrombectom\w+|alteplase|tenecteplase|tPA|rtPA)",
        r"(?:aspirin|clopidogrel|heparin|antiplatelet\w*|anticoag\w*|statins?|mannitol)",
        r"(?:\w*craniectom\w+|surg\w+|neurosurg\w+|intervention\w*)",
        r"(?:treat\w*|therap\w+|manage\w*|monitor\w*|admit\w*|admission)",
        r"(?:consult\w*|referral|follow-?up|work-?up|clinical correlation)",
        r"further (?:evaluation|assessment|imaging|investigations?|advice|tests?)",
        r"seek",
        r"should be considered",
    ),
    "the outcome": _any(
        r"(?:\w*mRS(?:[\d_]\w*)?|m-RS|\w*Rankin\w*|Barthel|Glasgow outcome)",
        r"discharg\w*",
        r"(?:died?|dies|dying|deaths?|dead|deceased|mortality|fatal\w*|surviv\w*|palliat\w*|life expectancy)",
        r"(?:expired|pass(?:ed|es|ing)? away|succumb\w*|demise|exitus|leth?al\w*|hospice|end[- ]of[- ]life)",
        r"(?:comfort (?:care|measures?)|withdraw\w* of (?:[\w-]+ ){0,3}(?:care|support))",
        r"(?:care|support) (?:(?:was|is|were|being) )*withdrawn",
        r"(?:bed[- ]?(?:ridden|bound)|wheel-?chair\w*|vegetative state|(?:nursing|care)[- ](?:homes?|facilit\w+))",
        r"GOS(?:-?E)?(?:[\d_]\w*)?",
        r"(?:prognos\w*|outcomes?|recover\w*|rehabilit\w*|disabilit\w+|disabled)",
        r"functional(?:ly)? \w+",
        r"(?:in)?dependen(?:t|ce|cy)",
        r"(?:90|ninety|30|thirty)[- ]days?",
        r"(?:3|three|6|six)[- ]months?",
    ),
    "an examination that was not given": _any(
        r"(?<!early )CT",
        r"(?:CTA|CTP|MRA|MRV|DSA|PET|SPECT|EEG|ECG|EKG|\w*angiogra\w+|tomograph\w+|perfusion)",
        r"(?:\w*echocardiogra\w+|ultraso\w+|doppler|laborator\w+|troponin|biops\w+)",
        r"blood (?:tests?|pressure|glucose|count)",
        r"(?:previous|prior|earlier) (?:scans?|MRIs?|imaging|examinations?|stud(?:y|ies))",
    ),
}
"""Reason -> what a sentence may not speak of; none of it can be seen in the slices."""

OUTCOME_PATTERNS: Mapping[str, tuple[re.Pattern[str], ...]] = {
    "nihss": (
        re.compile(r"N\.?[\s-]?I\.?[\s-]?H\.?[\s-]?S\.?[\s-]?S(?![a-z])", re.IGNORECASE),
        _any(
            r"(?:NIH|National Institutes? of Health)[- ](?:Stroke|scores?|scale)",
            r"\w*NIHS(?:[\d_]\w*)?",
            r"stroke (?:severity )?(?:scale|score)s?",
        ),
        _any(r"severity (?:scale|score)s?"),
    ),
    "mrs": (_any(r"\w*mRS(?:[\d_]\w*)?", r"m-RS", r"\w*Rankin\w*"),),
}
"""Column that defines an outcome -> patterns of the sentences that state it, for `filter_text`.
Words for the severity of the deficit stay: they are a guess from the image, as the rest of the text is."""
