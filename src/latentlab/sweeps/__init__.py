"""Many trainings that differ in a few settings, as experiments of DVC's."""
