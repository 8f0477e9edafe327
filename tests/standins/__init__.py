"""Stand-ins that need numpy alone, for modules of the package that compute with TensorFlow, scikit-learn or matplotlib.

They are copied over the modules of a clone, whose names they have. Stages of theirs write into their outputs what they
have really used.
"""
