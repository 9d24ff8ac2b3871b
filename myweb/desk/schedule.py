"""Drafts that are published by themselves at their time."""

import logging
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from .line import Conflict, Line
from .models import Version

logger = logging.getLogger(__name__)


def due() -> list[QuerySet[Any]]:
    """Return the drafts whose time has come, by the database's clock, in its order."""
    return [Version.objects.planned().filter(publish_at__lte=Now(), refusal="").order_by("publish_at", "pk")]


def publish_due() -> None:
    """Publish the drafts whose time has come; one that cannot be says why, and stays."""
    [versions] = due()
    for version in versions.select_related("author"):
        try:
            Line(apps.get_model(version.model), version.key).publish_planned(version)
        except Conflict:
            continue  # somebody saves this very moment; it is looked at again in a second
        except OperationalError:
            raise  # the database does not answer, and is asked again
        except ValidationError as refusal:
            refuse(version, " ".join(refusal.messages))
        except Exception:
            # It must keep neither others nor pages whose time comes from being shown.
            logger.exception("%s %d", version.model, version.key)
            refuse(version, _("It could not be published by itself. Please open it, and publish it by hand."))


def refuse(version: Version, sentence: str) -> None:
    """Have the version stay a draft, and say why."""
    Version.objects.filter(pk=version.pk).update(refusal=sentence)
    logger.warning("what was planned is not published: %s %d: %s", version.model, version.key, sentence)
