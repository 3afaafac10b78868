"""The report of a prediction in sentences, by templates: each number comes from a named place of the outcome."""
