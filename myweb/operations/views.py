from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

import myweb

from .asking import answer
from .doctor import received


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    database = database_answers()
    return JsonResponse(
        {
            "status": "ok" if database else "unavailable",
            "time": timezone.now().isoformat(timespec="seconds"),
            "database": database,
            **({"version": myweb.__version__} if is_from_here(request) else {}),
            **received.answer(request),
        },
        status=200 if database else 503,
    )


def database_answers() -> bool:
    return bool(answer(has_tables))


def has_tables() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
        return cursor.fetchone() is not None


def is_from_here(request: HttpRequest) -> bool:
    """Return whether METRICS_ALLOW has the one who asks: only Nginx can tell, as it passes on nothing of proxies."""
    return request.META.get("MYWEB_STRANGER") == "0"


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    if not is_from_here(request):
        raise Http404
    # A megabyte that every process would have, and most sites never need
    from .exposition import CONTENT_TYPE_LATEST, exposition

    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)
