"""The tables of catalogue as they were first."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Study",
            fields=[
                (
                    "name",
                    models.CharField(max_length=100, primary_key=True, serialize=False),
                ),
                ("notice", models.CharField(blank=True, max_length=200)),
                ("task", models.CharField(max_length=40)),
                ("labels", models.JSONField()),
                ("segmenter", models.CharField(blank=True, max_length=100)),
            ],
            options={
                "verbose_name_plural": "studies",
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="TrainedModel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("sha256", models.CharField(max_length=64)),
                ("architecture", models.CharField(max_length=100)),
                ("columns", models.JSONField()),
                ("stamps", models.JSONField(default=dict)),
                ("score", models.JSONField(default=dict)),
                ("folds", models.PositiveSmallIntegerField()),
                ("active", models.BooleanField(default=True)),
                ("found", models.DateTimeField(auto_now_add=True)),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="models",
                        to="catalogue.study",
                    ),
                ),
            ],
            options={
                "ordering": ("study", "name"),
                "constraints": [models.UniqueConstraint(fields=("study", "name", "sha256"), name="one_row_a_version")],
            },
        ),
    ]
