"""Who uses the service."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "lungfuse_service.accounts"
