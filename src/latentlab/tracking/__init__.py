"""All that touches MLflow: opening a store, filling a run, models that can be served."""
