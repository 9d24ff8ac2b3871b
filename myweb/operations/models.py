from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

PATIENCE = timedelta(days=2)


class BackupProof(models.Model):
    """The newest backup that was proven: one row."""

    name = models.CharField(_("name"), max_length=255)
    made_at = models.DateTimeField(_("made"))
    # By the first proof: proving an old backup again does not make up for a new one.
    proven_at = models.DateTimeField(_("proven"), db_default=Now())

    objects = models.Manager()

    class Meta:
        verbose_name = _("proven backup")
        verbose_name_plural = _("proven backups")

    def __str__(self) -> str:
        return str(self.name)

    @classmethod
    def load(cls) -> Self | None:
        """Return the row; one of the future is none, which a wrong clock has written."""
        now = timezone.now()
        return cls.objects.filter(made_at__lte=now, proven_at__lte=now).first()

    @classmethod
    def record(cls, name: str, made_at: datetime) -> None:
        last = cls.load()
        if last is None or last.made_at < made_at:
            row = cls.objects.first()
            cls.objects.update_or_create(
                pk=row.pk if row else 1, defaults={"name": name, "made_at": made_at, "proven_at": timezone.now()}
            )

    @property
    def is_old(self) -> bool:
        return bool(self.proven_at < timezone.now() - PATIENCE)


def is_new_site() -> bool:
    """Return whether the site is so young that nobody expects a backup yet."""
    first = MigrationRecorder.Migration.objects.order_by("applied").values_list("applied", flat=True).first()
    now = timezone.now()
    return first is None or now - PATIENCE < first <= now
