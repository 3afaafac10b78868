"""Models of updates lie in projects of their own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="trainedmodel",
            name="project",
            field=models.CharField(blank=True, max_length=200),
        ),
    ]
