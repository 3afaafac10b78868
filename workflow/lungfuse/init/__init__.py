"""`lungfuse init`: from a table of cases, and images that it names, to a study in params.yaml."""
