"""Studies and models, for the operator: which are offered."""

from django.contrib import admin

from lungfuse_service.catalogue.models import TrainedModel


@admin.register(TrainedModel)
class TrainedModelAdmin(admin.ModelAdmin):
    """Only whether a model is offered can be changed."""

    list_display = ("study", "name", "sha256", "active", "found")
    list_filter = ("study", "active")
    readonly_fields = ("study", "name", "sha256", "architecture", "columns", "stamps", "score", "folds", "found")

    def has_add_permission(self, request) -> bool:
        return False
