"""The commands about new cases: `predict` them with trained models, and `explain` what decides."""
