"""A file a stage: a thin `main` over pure functions. `python -m latentlab.stages.<stage> [variant]` runs one."""

from latentlab.stages._guard import work_in_child
from latentlab.stages._numerics import set_numerics
from latentlab.stages._source import use_source_of_project

use_source_of_project()
work_in_child()
set_numerics()
