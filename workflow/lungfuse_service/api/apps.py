"""The same for programs."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "lungfuse_service.api"
