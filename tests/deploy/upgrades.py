"""Releases that do not work, each in its own way, and what has to be left after trying them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.contact.torture import Visitor, open_forms
from tests.deploy.composed import Composed
from tests.server import Load, Server, next_release

# Works in every process but uWSGI's: only requests through Nginx find it out.
UNHEALTHY = """
_answer = application


def application(environ, start_response):
    if environ["PATH_INFO"] == "{path}":
        start_response("503 Service Unavailable", [])
        return []
    return _answer(environ, start_response)
"""


def add(name: str, text: str) -> Callable[[Path], None]:
    """Return what adds `text` to the end of that file of a checkout."""

    def change(directory: Path) -> None:
        with (directory / name).open("a") as file:
            file.write(text)

    return change


def replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        text = (directory / name).read_text()
        assert old in text
        (directory / name).write_text(text.replace(old, new))

    return change


@dataclass
class Breakage:
    change: Callable[[Path], None]
    sentence: str  # in the output of deploy/install
    failing: str = ""  # the only address at which visitors may notice


BROKEN_SQL = '\n        migrations.RunSQL("SELECT no_such_column FROM contact_contactmessage"),\n    ]'
BREAKAGES = {
    "migration": Breakage(
        replace("myweb/contact/migrations/0999_since_0_1_9.py", "\n    ]", BROKEN_SQL),
        "cannot be prepared",
    ),
    "import": Breakage(add("myweb/pages/views.py", "\nimport no_such_module\n"), "nothing was changed"),
    "health": Breakage(
        add("myweb/wsgi.py", UNHEALTHY.format(path="/healthz")), "/healthz, the site answers 503", "/healthz"
    ),
    "login": Breakage(
        add("myweb/wsgi.py", UNHEALTHY.format(path="/admin/login/")), "the site answers 503", "/admin/login/"
    ),
    "requirement": Breakage(replace("requirements.txt", "nh3==", "nh3==9999."), "nothing was changed"),
    "catalogue": Breakage(add("myweb/locale/zh_Hans/LC_MESSAGES/django.po", "\nnonsense\n"), "nothing was changed"),
    "settings": Breakage(
        add("myweb/settings.py", "\nraise ImproperlyConfigured('NEW is not set.')\n"), "NEW is not set"
    ),
    "view": Breakage(add("myweb/operations/views.py", "\n\ndef database_answers():\n    1 / 0\n"), "does not work"),
    "uwsgi option": Breakage(add("deploy/myweb_uwsgi.ini", "\nno-such-option = true\n"), "cannot be started"),
    "uwsgi application": Breakage(add("myweb/wsgi.py", "\nimport uwsgi\nimport no_such_module\n"), "does not answer"),
    "nginx": Breakage(add("deploy/myweb_nginx.conf", "\nno_such_directive on;\n"), "cannot be started"),
    "unit": Breakage(
        replace("deploy/systemd/myweb.service", "ExecStart=/bin/sh", "ExecStart=/bin/no-shell"), "cannot be started"
    ),
    "static": Breakage(add("static/myweb/site.css", "\na { background: url(none.png) }\n"), "static files"),
}


def pages(server: Server | Composed) -> list[str]:
    """Return what visitors see on the pages of the menu."""
    home = server.get("/").text
    addresses = ["/", *sorted(set(re.findall(r'<a href="(/[^"#?]*)"', home)))]
    answers = [server.get(address) for address in addresses]
    assert [answer.status for answer in answers] == [200] * len(addresses)
    # Each form has an id and a token of its own.
    return [re.sub(r'value="[^"]*"', "", answer.text) for answer in answers]


def version(server: Server) -> str:
    return re.search(r'"version": "([\w.]+)"', server.run("curl", "--silent", "http://127.0.0.1/healthz"))[1]


def lost(server: Server, visitors: list[Visitor]) -> list[str]:
    """Return the texts that were acknowledged, but are not there once."""
    stored = server.messages()
    return [visitor.text for visitor in visitors if visitor.thanks and stored[visitor.text] != 1]


def try_broken(server: Server, directory: Path, breakage: Breakage) -> Load:
    """Try to upgrade to a release that does not work; everything has to be as before. Return what visitors saw."""
    breakage.change(next_release(directory, "0.1.9"))
    server.push(directory, "/root/next")
    before = (server.release(), version(server), pages(server))
    visitors = open_forms(server, 60)
    with Load(server, visitors) as load:
        status, output = server.try_to("/root/next/deploy/install")
    assert status == 1, output
    assert breakage.sentence in output, output
    assert (server.release(), version(server), pages(server)) == before
    others = [failure for failure in load.failures if f" {breakage.failing}: " not in failure]
    assert others == [], f"{others}\n{output}"
    assert breakage.failing or not load.failures
    visitors += open_forms(server, 1)
    assert visitors[-1].send(server) == 302
    assert lost(server, visitors) == []
    return load
