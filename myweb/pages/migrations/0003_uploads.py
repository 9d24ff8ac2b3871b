import hashlib
from pathlib import PurePath
from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def take_pictures(apps: Any, schema_editor: Any) -> None:
    """Make a row for each picture of the pages; of the same bytes, for one of them."""
    Picture, Upload = apps.get_model("pages", "Picture"), apps.get_model("pages", "Upload")
    storage = Picture._meta.get_field("image").storage
    pictures = Picture.objects.exclude(image="").order_by("pk")
    for name, width, height in pictures.values_list("image", "image_width", "image_height"):
        try:
            with storage.open(name) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            continue  # gone: there is nothing to choose again
        if not Upload.objects.filter(models.Q(digest=digest) | models.Q(file=name)).exists():
            # Not the name itself: assigning that would open the file again.
            row = Upload(digest=digest, name=PurePath(name).name, width=width or 0, height=height or 0)
            row.__dict__["file"] = name
            row.save()


class Migration(migrations.Migration):
    dependencies = [
        ("pages", "0002_same_addresses"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "file",
                    models.ImageField(
                        height_field="height",
                        max_length=200,
                        unique=True,
                        upload_to="pictures",
                        verbose_name="picture",
                        width_field="width",
                    ),
                ),
                ("width", models.PositiveIntegerField(editable=False)),
                ("height", models.PositiveIntegerField(editable=False)),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("uploaded_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "upload",
                "verbose_name_plural": "uploads",
                "default_permissions": (),
            },
        ),
        migrations.RunPython(take_pictures, migrations.RunPython.noop),
    ]
