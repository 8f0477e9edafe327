"""A file a stage: a thin `main` over pure functions. `python -m latentlab.stages.<stage> [variant]` runs one."""
