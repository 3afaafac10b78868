"""Confirmed cases, and models that have learned from them."""

from django.apps import AppConfig


class UpdatesConfig(AppConfig):
    name = "lungfuse_service.updates"
