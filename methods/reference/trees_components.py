"""The paper's tree ensembles, given what the networks are given."""

from dataclasses import dataclass

from strokebench.methods.random_forest import RandomForest
from strokebench.methods.reference.on_all import OnAll
from strokebench.methods.registry import register
from strokebench.methods.xgboost import XGBoost


@register
@dataclass(kw_only=True, eq=False, repr=False)
class XGBoostComponents(OnAll, XGBoost):
    """The paper's gradient boosting on the table beside principal components of image and text.

    Source: Chen and Guestrin 2016.

    Ours: 8 components each, and the settings of the row on the table alone.
    """

    name = "xgboost_components"
    label = "XGBoost, all"


@register
@dataclass(kw_only=True, eq=False, repr=False)
class ForestComponents(OnAll, RandomForest):
    """The paper's random forest on the table beside principal components of image and text.

    Source: Breiman 2001.

    Ours: 8 components each, and the settings of the row on the table alone.
    """

    name = "forest_components"
    label = "Random Forest, all"
