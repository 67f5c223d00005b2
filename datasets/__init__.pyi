from .catalogue import load_cohort as load_cohort
from .cohort import Cohort as Cohort
from .cohort import Column as Column
from .cohort import Kind as Kind
from .embeddings import Embeddings as Embeddings
from .encoders.contract import ImageEncoder as ImageEncoder
from .encoders.contract import TextEncoder as TextEncoder
