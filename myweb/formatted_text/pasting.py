"""What the admin does with HTML that comes from elsewhere: pasted into an editor, or posted as it is."""

from collections.abc import Iterable

from django.apps import apps
from django.contrib import messages
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from .fields import FormattedTextField, left_out_of, sentences


@require_POST
def pasted(request: HttpRequest) -> JsonResponse:
    """
    Answer the `html` that was pasted into an editor as its `field`, such as pages.text.text, keeps it, with what there
    is to say about it.

    Raises Http404 if there is no such field, and PermissionDenied for those who have nothing to do with it.
    """
    field = _field(request.POST.get("field", ""))
    # Whoever may only draft has a right of the desk's, and none for pages.
    if not any(map(request.user.has_module_perms, (field.model._meta.app_label, "desk"))):
        raise PermissionDenied
    html, left_out = field.clean_html(request.POST.get("html", ""))
    return JsonResponse({"html": html, "sentences": sentences(left_out)})


def _field(label: str) -> FormattedTextField:
    model, _dot, name = label.rpartition(".")
    try:
        field = apps.get_model(model)._meta.get_field(name)
    except (LookupError, ValueError, FieldDoesNotExist) as error:
        raise Http404 from error
    if not isinstance(field, FormattedTextField):
        raise Http404
    return field


def say_what_was_left_out(request: HttpRequest, instances: Iterable[Model]) -> None:
    """Tell whoever saves `instances` what could not be kept of their texts."""
    for instance in instances:
        for sentence in sentences(left_out_of(instance)):
            messages.warning(request, f"{instance}: {sentence}" if str(instance) else sentence)
