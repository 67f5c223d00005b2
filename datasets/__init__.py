"""Who are the patients, and what is known of them?

The names in the stub file beside this one are loaded when they are first used.

>>> import pandas as pd
>>> from strokebench.datasets import Cohort, Column, Kind
>>> table = pd.DataFrame({"age": [71, 64]}, index=["p1", "p2"])
>>> len(Cohort(name="two", title="two patients", table=table, columns={"age": Column(Kind.NUMERIC, unit="years")}))
2
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
