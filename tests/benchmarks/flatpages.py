"""
A project as `django-admin startproject` makes it, with Django's flatpages: what a page that Django makes is measured
against. One process more than cores serves it, as ours; FLATPAGES is the folder with its database and its template.
"""

import os
import subprocess
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

from django.conf import settings

from tests.site import Response, Site, wait_for

TEMPLATE = Path("templates", "flatpages", "default.html")


def configure(folder: Path) -> None:
    """Set up that project; the settings are those of `startproject`, without DEBUG."""
    apps = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles", "sites", "flatpages")
    processors = ("template.context_processors.request", "contrib.auth.context_processors.auth")
    settings.configure(
        SECRET_KEY="flatpages",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="tests.benchmarks.flatpages",
        SITE_ID=1,
        INSTALLED_APPS=[f"django.contrib.{app}" for app in apps],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [folder / "templates"],
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        *(f"django.{processor}" for processor in processors),
                        "django.contrib.messages.context_processors.messages",
                    ],
                },
            }
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "db.sqlite3"}},
        STATIC_URL="static/",
    )


def fill(folder: Path) -> None:
    """Make the page: what is in the article of ours is its content, and all around it the template."""
    from django.contrib.flatpages.models import FlatPage
    from django.contrib.sites.models import Site as DjangoSite
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    html = (folder / "page.html").read_text()
    before, tag, rest = html.partition("<article>")
    content, end, after = rest.partition("</article>")
    (folder / TEMPLATE).parent.mkdir(parents=True)
    (folder / TEMPLATE).write_text(f"{before}{tag}{{{{ flatpage.content }}}}{end}{after}")
    page = FlatPage.objects.create(url="/flatpage/", title="Welcome", content=content)
    page.sites.add(DjangoSite.objects.get())


def start(site: Site, html: str) -> Path:
    """Serve a flatpage with the words and pictures of `html`, beside the site; return the socket of its uWSGI."""
    folder = site.directory / "flatpages"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "page.html").write_text(html)
    python = [
        site.root / "deploy" / "as_site_user",
        "env",
        f"FLATPAGES={folder}",
        site.root / ".venv" / "bin" / "python",
    ]
    done = site.run(*python, "-m", "tests.benchmarks.flatpages")
    assert done.returncode == 0, done.stderr
    environment = {**site.env, **site.active_environment(), "FLATPAGES": str(folder)}
    socket = folder / "uwsgi.sock"
    options = ["--master", "--lazy-apps", "--thunder-lock", "--single-interpreter", "--disable-logging"]
    options += ["--processes", str((os.cpu_count() or 1) + 1), "--chmod-socket=666", "--socket", str(socket)]
    site.spawn(
        "uwsgi",
        "--module",
        "tests.benchmarks.flatpages:application",
        *options,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    wait_for(socket.exists, "the flatpage is served")
    return socket


def check(url: str, html: str) -> None:
    """Fail unless the flatpage is what ours is."""
    with closing(HTTPConnection(url.split("/")[2], timeout=90)) as connection:
        connection.request("GET", "/flatpage/")
        answer = Response(connection.getresponse())
    assert answer.status == 200, answer.text
    assert answer.text == html


if "FLATPAGES" in os.environ:
    from django.core.wsgi import get_wsgi_application

    configure(Path(os.environ["FLATPAGES"]))
    application = get_wsgi_application()

    from django.urls import include, path

    urlpatterns = [path("", include("django.contrib.flatpages.urls"))]
    if __name__ == "__main__":
        fill(Path(os.environ["FLATPAGES"]))
