"""One file a dataset, found by its name.

Each has `load() -> Dataset`, or `Options`, typed parameters that join the block `prepare` of params.yaml, and
`load(options) -> Dataset`.
"""
