"""Cases that users give, and what models make of them."""

from django.apps import AppConfig


class PredictionsConfig(AppConfig):
    name = "lungfuse_service.predictions"
