"""The site's own settings, in a directory of their own, with passwords that are quick to check."""

import os
import tempfile

_directory = tempfile.TemporaryDirectory(prefix="myweb-tests-")
os.environ["MYWEB_VAR"] = _directory.name
os.environ["SECRET_KEY"] = "only-for-the-tests-" * 3
for name in list(os.environ):
    if name.startswith(("MYWEB_LISTEN", "MYWEB_PORT", "MYWEB_UWSGI", "EMAIL_", "CONTACT_", "DEFAULT_FROM")):
        del os.environ[name]
for name in ("DEBUG", "SITE_URL", "LANGUAGE_CODE", "TIME_ZONE", "TRUSTED_PROXIES"):
    os.environ.pop(name, None)

from myweb.settings import *  # noqa: E402, F403
from myweb.settings import STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
