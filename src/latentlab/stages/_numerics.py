"""What `numerics:` asks for is set before a library that computes is imported."""

import sys

from latentlab.config import paths
from latentlab.config.stages import name_of
from latentlab.numerics.portable import set_switches
from latentlab.pipeline.plan import numerics_of

ROOM = "latentlab.stages."


def set_numerics() -> None:
    """Set the switches that the plan of the stage asks for, if this is one."""
    if sys.argv[:1] != ["-m"]:  # what it is while `python -m` looks for the module
        return
    stages = [word.removeprefix(ROOM) for word in sys.orig_argv if word.startswith(ROOM)]
    if stages and (numerics := numerics_of(paths.plan(name_of(stages[0], *sys.argv[1:2])))):
        set_switches(numerics)
