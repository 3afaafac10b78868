"""Estimators of scikit-learn on any inputs side by side: n-grams of texts, mean tokens of images, and columns.

They are the controls of a fusion of networks: the same kind of model reads one input, some, or all.
"""

STAGE, PREDICTED_BY = "fit", "lungfuse.predict.estimator"
TRAINED, ENCODES, COMBINES = False, ["image"], False
