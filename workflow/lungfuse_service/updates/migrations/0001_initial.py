"""The tables of updates as they were first."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import lungfuse_service.updates.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("catalogue", "0002_trainedmodel_project"),
        ("jobs", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ConfirmedCase",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("name", models.CharField(max_length=100)),
                ("patient", models.CharField(blank=True, max_length=100)),
                (
                    "image",
                    models.FileField(blank=True, upload_to=lungfuse_service.updates.models.image_path),
                ),
                ("text", models.TextField(blank=True)),
                ("values", models.JSONField(default=dict)),
                ("truth", models.JSONField()),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="confirmed_cases",
                        to="catalogue.study",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="confirmed_cases",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("created",),
            },
        ),
        migrations.CreateModel(
            name="Update",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("verdict", models.JSONField(default=dict)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "base",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="updates",
                        to="catalogue.trainedmodel",
                    ),
                ),
                (
                    "cases",
                    models.ManyToManyField(related_name="updates", to="updates.confirmedcase"),
                ),
                (
                    "job",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="retraining",
                        to="jobs.job",
                    ),
                ),
                (
                    "made",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="made_by",
                        to="catalogue.trainedmodel",
                    ),
                ),
            ],
            options={
                "ordering": ("-created",),
            },
        ),
        migrations.AddConstraint(
            model_name="confirmedcase",
            constraint=models.UniqueConstraint(fields=("user", "key"), name="one_case_a_request"),
        ),
    ]
