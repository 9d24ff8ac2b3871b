"""
The settings, for what runs before the site does.

python -m myweb.running.reading NAME prints one of them.
"""

import os
import secrets
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myweb.settings")


def read_settings() -> None:
    """Have all settings read, also before there is a key; raise ImproperlyConfigured if one cannot be used."""
    from django.conf import settings

    given = dict(os.environ)
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(48))
    try:
        settings.DEBUG  # noqa: B018
        # Whatever directory it is read in
        given["MYWEB_VAR"] = str(settings.VAR)
        given.pop("MYWEB_VAR_FILE", None)
    finally:
        os.environ.clear()
        os.environ.update(given)


if __name__ == "__main__":
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        read_settings()
    except ImproperlyConfigured as error:
        sys.exit(f"myweb: {error}")
    print(getattr(settings, sys.argv[1]))
