"""Estimators of scikit-learn on any inputs side by side: n-grams of texts, mean tokens of images, and columns.

They are what a fusion of networks is to be told from: the same kind of model reads one input, some, or all.
"""

STAGE, PREDICTED_BY = "fit", "lungfuse.predict.estimator"
TRAINED, ENCODES, COMBINES = False, ["image"], False
