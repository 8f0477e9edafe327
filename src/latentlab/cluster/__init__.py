"""Stages on other machines, by Dask distributed: an extra, `pip install latentlab[cluster]`."""
