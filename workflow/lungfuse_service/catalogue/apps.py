"""The studies and their trained models."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "lungfuse_service.catalogue"
