from typing import Any

from django import template
from django.apps import apps
from django.db.models import Exists, OuterRef
from django.urls import reverse

from myweb.desk.models import Version

register = template.Library()

MOST = 10


@register.inclusion_tag("desk/unfinished.html", takes_context=True)
def unfinished(context: Any) -> dict[str, Any]:
    """List the drafts that the user has begun, and what was planned and could not be published."""
    user = context["request"].user
    newer = Version.objects.filter(model=OuterRef("model"), key=OuterRef("key"), number__gt=OuterRef("number"))
    last = Version.objects.filter(~Exists(newer), number__isnull=False).order_by("-created_at")
    drafts = last.filter(event__in=[Version.Event.DRAFT, Version.Event.AUTOSAVE], author=user)[:MOST]
    may_publish = user.has_perm("pages.change_page")
    refused = Version.objects.planned().exclude(refusal="")[:MOST] if may_publish else []
    return {
        "drafts": [(version, _url(version)) for version in drafts] + _alone(user),
        "refused": [(version, _url(version)) for version in refused],
    }


def _alone(user: Any) -> list[tuple[Version, str]]:
    """Return what the user has sent of something new that was only kept aside, so that no list has it."""
    aside = Version.objects.filter(number=None)
    others = Version.objects.filter(model=OuterRef("model"), key=OuterRef("key"))
    in_line, newer = others.filter(number__isnull=False), others.filter(pk__gt=OuterRef("pk"))
    alone = aside.filter(~Exists(in_line), ~Exists(newer), author=user).order_by("-created_at")[:MOST]
    return [(version, f"{_url(version)}?version={version.pk}") for version in alone if not _is_there(version)]


def _is_there(version: Version) -> bool:
    model = apps.get_model(version.model)
    return bool(model._default_manager.filter(pk=version.key).exists())


def _url(version: Version) -> str:
    model = apps.get_model(version.model)
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[version.key])
