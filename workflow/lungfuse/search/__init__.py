"""Searches for the settings of models: rounds of proposals as files, nested in the outer folds.

A job per fold and round rebuilds a study of Optuna in memory from the files of earlier rounds, in the order in which
they were asked for, and writes the next proposals. Nothing is shared but files, so the order in which trainings end
decides nothing, and a search that was killed goes on where it was.
"""
