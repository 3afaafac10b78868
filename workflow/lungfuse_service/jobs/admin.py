"""Jobs, for the operator."""

from django.contrib import admin

from lungfuse_service.jobs.models import Job


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):
    """Read only: the table is the truth."""

    list_display = ("created", "kind", "user", "state", "attempts", "heartbeat", "finished", "problem")
    list_filter = ("state", "kind")
    date_hierarchy = "created"

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False
