from threading import Thread

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

import myweb

PATIENCE = 3.0  # seconds; whoever asks for the health of a site does not wait longer


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    database = database_answers()
    return JsonResponse(
        {
            "status": "ok" if database else "unavailable",
            "time": timezone.now().isoformat(timespec="seconds"),
            "version": myweb.__version__,
            "database": database,
        },
        status=200 if database else 503,
    )


def database_answers() -> bool:
    """
    Return whether the database answers a query that reads from it.

    In a thread with a connection of its own, because drivers wait for a silent server or a locked file far too long.
    """
    answers: list[bool] = []
    thread = Thread(target=lambda: answers.append(_query()), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return any(answers)


def _query() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
            return cursor.fetchone() is not None
    except Error:
        return False
    finally:
        connection.close()
