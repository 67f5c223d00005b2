from .results import Results as Results
from .summary import summarise as summarise
from .tables.render import write_table as write_table
from .tables.table import Cell as Cell
from .tables.table import Row as Row
from .tables.table import Table as Table
