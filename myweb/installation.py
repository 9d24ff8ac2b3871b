"""In which of three ways the site is installed here, and what the operator therefore types to the same end."""

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

RELEASES = Path("/srv/myweb/releases")  # of deploy/install


@dataclass(frozen=True)
class Installation:
    manage: str  # how a command of manage.py begins
    manage_stopped: str  # and how while the site is stopped
    stop: str
    start: str
    restart: str  # uWSGI
    apply: str  # changed settings, and what Nginx has to know
    log: str  # of uWSGI
    nginx_log: str
    nightly: str  # what makes the backups


CLONE = Installation(
    manage="./manage.py",
    manage_stopped="./manage.py",
    stop="End deploy/up, or uWSGI",
    start="Run deploy/up, or uwsgi --ini deploy/myweb_uwsgi.ini",
    restart="Restart uWSGI",
    apply="Run ./manage.py nginx_config, reload Nginx, and restart uWSGI",
    log="var/log/uwsgi.log",
    nginx_log="var/log/error.log",
    nightly="a timer should do so every night",
)
SERVER = Installation(
    manage="myweb",
    manage_stopped="myweb",
    stop="Run systemctl stop myweb.socket myweb.service",
    start="Run systemctl start myweb.socket myweb.service",
    restart="Run systemctl restart myweb.service",
    apply="Run deploy/install again",
    log="journalctl --unit myweb.service",
    nginx_log="/var/log/nginx/myweb_error.log",
    nightly="journalctl --unit myweb-nightly.service says why that does not happen every night",
)
DOCKER = Installation(
    manage="docker compose exec app manage.py",
    manage_stopped="docker compose run --rm --no-deps app manage.py",
    stop="Run docker compose stop app nightly",
    start="Run docker compose up --detach",
    restart="Run docker compose restart app",
    apply="Run docker compose up --detach",
    log="docker compose logs app",
    nginx_log="docker compose logs web",
    nightly="docker compose logs nightly says why that does not happen every night",
)


def here() -> Installation:
    if settings.BASE_DIR.parent == RELEASES:
        return SERVER
    # compose.yaml sets it.
    return DOCKER if "MYWEB_PREPARED" in os.environ else CLONE
