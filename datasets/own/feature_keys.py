"""Vectors that another program made of images or texts, as a cohort's file names them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from strokebench.datasets.own.file_pattern import checked_path
from strokebench.datasets.own.values import check_word, one_text, unknown_key

Modality = Literal["image", "text"]
FittedOn = Literal["none", "other", "training"]
KEYS = (*get_args(Modality), "fitted_on", "source")
PLACES = {"{fold}", "{seed}"}
EXAMPLE = "{image: radiomics.csv, fitted_on: none}"


@dataclass(frozen=True)
class FeatureFile:
    """One of `features:`.

    Args:
        modality: whose vectors these are.
        file: relative to the cohort's file; with `{fold}`, and `{seed}` where there are several, one file a fold.
        fitted_on: whom what made them has learnt from: nobody, patients who are not in the cohort, or each fold's
            training patients; empty: not said.
        source: the program or model that made them; empty: not said.
    """

    modality: Modality
    file: str
    fitted_on: str = ""
    source: str = ""

    @property
    def by_fold(self) -> bool:
        """Whether each fold has a file of its own."""
        return self.fitted_on == "training"

    @property
    def said(self) -> str:
        """Where they come from."""
        learnt = {
            "": "from whom is not said",
            "none": "from no patient",
            "other": "from other patients",
            "training": "from each fold's training patients",
        }
        return f"ready-made by {self.source or 'a program not named'}, learnt {learnt[self.fitted_on]}"


def features_about(files: Mapping[str, FeatureFile]) -> dict[str, str]:
    """What a cohort says of a modality's features: `image_features`, which captions repeat, and, where those who made
    them have learnt from patients, `image_features_trained_on`."""
    about: dict[str, str] = {}
    for modality in get_args(Modality):
        own = {name: file for name, file in files.items() if file.modality == modality}
        if own:
            about[f"{modality}_features"] = ", ".join(f"{name} ({file.said})" for name, file in own.items())
        if learnt := [file.source or name for name, file in own.items() if file.fitted_on == "other"]:
            about[f"{modality}_features_trained_on"] = ", ".join(learnt)
    return about


def feature_files(value: Any) -> dict[str, FeatureFile]:
    """Name -> file of features.

    Raises:
        ValueError: it is no block of blocks, or one of them has an unknown key, no modality or two.
    """
    if not isinstance(value, dict):
        raise ValueError(f"give `name: {EXAMPLE}` pairs")
    return {name: _feature_file(name, given) for name, given in value.items()}


def _feature_file(name: str, given: Any) -> FeatureFile:
    if not isinstance(given, dict):
        raise ValueError(f"{name}: say whose vectors these are, e.g. {EXAMPLE}")
    for key in given:
        if key not in KEYS:
            raise ValueError(f"{name}: {unknown_key(key, KEYS)}")
    modalities = [modality for modality in get_args(Modality) if modality in given]
    if len(modalities) != 1:
        raise ValueError(f"{name}: give the file as `image:` or as `text:`, whose vectors these are")
    file = checked_path(given[modalities[0]])
    fitted_on = given.get("fitted_on", "")
    if fitted_on:
        check_word(f"{name}: fitted_on", fitted_on, get_args(FittedOn))
    places = re.findall(r"\{[^}]*\}?", file)
    if (fitted_on == "training") != bool(places) or (places and "{fold}" not in places) or {*places} - PLACES:
        raise ValueError(
            f"{name}: {file} with fitted_on: {fitted_on or 'nothing'}; a file for each fold is named by {{fold}} (and"
            " {seed} where there are several) and says `fitted_on: training`: what made it has learnt from that fold's"
            " training patients alone. One file for all folds is none or other"
        )
    return FeatureFile(modalities[0], file, fitted_on, one_text(given.get("source", "")))
