from .benchmarks.experiments.find import find_experiment as find_experiment
from .benchmarks.explanations.explain import explain as explain
from .benchmarks.models.fit import fit as fit
from .benchmarks.models.model import load_model as load_model
from .benchmarks.models.validate import validate as validate
from .benchmarks.run import run as run
from .datasets.catalogue import load_cohort as load_cohort
from .errors import StrokebenchError as StrokebenchError
from .methods.conformance import check as check
from .methods.registry import find_method as find_method
from .reports.results import Results as Results

__version__: str
