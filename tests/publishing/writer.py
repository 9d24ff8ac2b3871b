"""
Changes a site's content as the admin, commands and scripts do.

Reads one command in JSON a line, and answers each with a line.

Runs in the site's own environment, started by site_tools.Writer.
"""

import copy
import errno
import itertools
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ["DJANGO_SETTINGS_MODULE"] = "myweb.settings"
django.setup()

from django.contrib.auth import SESSION_KEY, get_user_model  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.exceptions import ValidationError  # noqa: E402
from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, connection, connections, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402
from PIL import Image  # noqa: E402

from myweb.desk.content import new_key  # noqa: E402
from myweb.desk.line import Conflict, Line, Sender  # noqa: E402
from myweb.desk.own_content import own_content  # noqa: E402
from myweb.pages import pictures  # noqa: E402
from myweb.pages.blocks.picture import Picture  # noqa: E402
from myweb.pages.blocks.text import Text  # noqa: E402
from myweb.pages.models import Page, SiteSettings  # noqa: E402
from myweb.publishing import files, following, models, rendering  # noqa: E402
from myweb.publishing.publisher import Publisher, publisher  # noqa: E402

counter = itertools.count(1)


def fresh() -> str:
    """Return words that nobody has seen."""
    return f"{os.getpid()}-{next(counter)}"


def page_number(number: int) -> Page:
    """Return one of the pages, whatever the number."""
    pages = list(Page.objects.order_by("pk"))
    return pages[number % len(pages)]


def save(page: Page, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(page, name, value)
    page.full_clean()
    page.save()


# What an editor does


def create(slug: str, menu: str = "", below: int | None = None, language: str = "") -> None:
    parent = None if below is None else page_number(below)
    with transaction.atomic():
        page = Page()
        save(page, title=f"Page {fresh()}", slug=slug, menu=menu, parent=parent, language=language)
        Text.objects.create(parent=page, region="main", ordering=10, text=f"<p>{fresh()} 湖 {'words ' * 200}</p>")


def rename(page: int, slug: str) -> None:
    save(page_number(page), slug=slug)


def move(page: int, below: int | None) -> None:
    save(page_number(page), parent=None if below is None else page_number(below))


def show(page: int, is_published: bool) -> None:
    save(page_number(page), is_published=is_published)


def menu(page: int, menu: str) -> None:
    save(page_number(page), menu=menu)


def delete(page: int) -> None:
    chosen = page_number(page)
    if Page.objects.count() - chosen.descendants().count() > 2:
        chosen.delete()


def reorder(page: int) -> None:
    moved = page_number(page)
    save(moved, position=(moved.position + 25) % 60 + 1)


def delete_text(page: int) -> None:
    Text.objects.filter(parent=page_number(page)).delete()


def publish(page: int, change: str) -> None:
    """Publish a page by the desk."""
    line = Line(Page, page_number(page).pk)
    content = copy.deepcopy(line.content)
    assert content
    texts = [block for block in content["blocks"] if block["kind"] == "pages.text"]
    if change == "more" or not texts:
        fields = {"region": "main", "ordering": next(counter), "text": f"<p>{fresh()}</p>"}
        content["blocks"].append({"kind": "pages.text", "key": new_key(), "fields": fields})
    elif change == "fewer":
        content["blocks"].remove(texts[0])
    elif change == "order":
        texts[0]["fields"]["ordering"] = next(counter)
    elif change == "text":
        other = page_number(next(counter))
        texts[0]["fields"]["text"] = f'<p>{fresh()} <a href="{other.path}" data-page="{other.pk}">{other}</a></p>'
    else:
        texts[0]["fields"]["text"] = f"<p>{fresh()}</p>"
        content["fields"][change] = fresh()
    with suppress(Conflict):
        line.publish(content, Sender(None, base=line.base))


def picture(page: int) -> None:
    path = Path(tempfile.mkdtemp()) / "field.png"
    Image.new("RGB", (64, 40), (next(counter) % 256, os.getpid() % 256, 0)).save(path)
    upload = pictures.prepare(SimpleUploadedFile("field.png", path.read_bytes(), "image/png"))
    Picture(parent=page_number(page), region="main", ordering=20, alt_text=fresh(), image=upload).save()


def paint() -> None:
    while unfinished := Picture.unfinished().first():
        unfinished.finish()


def appoint(page: int, appears: bool, seconds: float) -> None:
    """Let a page appear or disappear in so many seconds."""
    due = timezone.now() + timedelta(seconds=seconds)
    save(page_number(page), publish_from=due if appears else None, publish_until=None if appears else due)


def spoil() -> None:
    """Let a page be due for ever."""
    taken = Page.objects.exclude(slug="").filter(parent=None).first()
    spoilt = Page.objects.create(title="Spoilt", slug="spoilt", is_published=False)
    past = timezone.now() - timedelta(days=1)
    Page.objects.filter(pk=spoilt.pk).update(slug=taken.slug, is_published=True, publish_from=past)


def is_anything_due() -> bool:
    pages = Page.objects.exclude(publish_from=None, publish_until=None)
    now = timezone.now()
    waits = any(when and when > now for page in pages for when in (page.publish_from, page.publish_until))
    return waits or Page.objects.due().exists()


def load(page: int) -> None:
    """Load a fixture with another title."""
    objects = dumped("pages.page")
    chosen = page_number(page).pk
    for item in objects:
        if item["pk"] == chosen:
            item["fields"]["title"] = fresh()
    load_objects(objects)


def load_everything_edited() -> None:
    """What `dumpdata` gives, with other titles, as somebody does who moves a site."""
    objects = dumped("pages", "publishing")
    for item in objects:
        if item["model"] == "pages.page":
            item["fields"]["title"] = fresh()
    load_objects(objects)


def dumped(*apps: str) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as directory:
        call_command("dumpdata", *apps, output=f"{directory}/dump.json", verbosity=0)
        objects: list[dict[str, Any]] = json.loads(Path(directory, "dump.json").read_text())
        return objects


def load_objects(objects: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "dump.json").write_text(json.dumps(objects))
        call_command("loaddata", f"{directory}/dump.json", verbosity=0)


def manage(name: str) -> None:
    call_command(name, verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115, PTH123


# Transactions of all kinds: a program is a list of writes, and of [kind, program, fails]


class Undo(Exception):
    pass


def run(program: list[Any]) -> None:
    for step in program:
        if isinstance(step, str):
            WRITES[step]()
        else:
            kind, inner, fails = step
            BLOCKS[kind](inner, fails)


def in_atomic(program: list[Any], fails: bool) -> None:
    with suppress(Undo), transaction.atomic():
        run(program)
        if fails:
            raise Undo


def in_savepoint(program: list[Any], fails: bool) -> None:
    point = transaction.savepoint()
    run(program)
    (transaction.savepoint_rollback if fails else transaction.savepoint_commit)(point)


def in_raw_savepoint(program: list[Any], fails: bool) -> None:
    if not connection.in_atomic_block:
        run(program)
        return
    name = f"s{next(counter)}"
    with connection.cursor() as cursor:
        cursor.execute(f"SAVEPOINT {name}")
        run(program)
        cursor.execute(f"ROLLBACK TO SAVEPOINT {name}" if fails else f"RELEASE SAVEPOINT {name}")


def without_autocommit(program: list[Any], fails: bool) -> None:
    if connection.in_atomic_block or not connection.get_autocommit():
        run(program)
        return
    transaction.set_autocommit(False)
    try:
        for step in program:
            run([step])
            transaction.commit()
            wait_until_published()
        if fails:
            run(program)
            transaction.rollback()
    finally:
        transaction.set_autocommit(True)


def wait_until_published() -> None:
    """Wait until the site has taken up the last change by itself, and published it."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        directory = publisher().current
        if directory and directory.generation == models.Generation.load() and directory.has("/about/"):
            break
        time.sleep(0.05)
    transaction.commit()


declared: list[Page] = []


def in_declared(program: list[Any], fails: bool) -> None:
    """As the desk publishes a page, but whatever is written besides."""
    declared.append(page_number(len(declared)))
    with suppress(Undo), own_content(declared[-1].pk):
        run(program)
        if fails:
            raise Undo


BLOCKS = {
    "atomic": in_atomic,
    "savepoint": in_savepoint,
    "raw": in_raw_savepoint,
    "manual": without_autocommit,
    "declared": in_declared,
}


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def undo_by_hand(sql: str) -> None:
    """Change something, undo it with the statement `sql`, and change something else."""
    with transaction.atomic():
        execute("SAVEPOINT here")
        write_settings()
        execute(sql)
        write_settings()


def some_page() -> Page:
    return page_number(next(counter))


def write_save() -> None:
    save(some_page(), title=fresh())


def write_update() -> None:
    Page.objects.filter(pk=some_page().pk).update(title=fresh())


def write_bulk() -> None:
    pages = list(Page.objects.all())
    for page in pages:
        page.title = fresh()
    Page.objects.bulk_update(pages, ["title"])


def write_raw() -> None:
    with connection.cursor() as cursor:
        cursor.execute("update pages_page set title = %s where id = %s", [fresh(), some_page().pk])


def write_many() -> None:
    with connection.cursor() as cursor:
        rows = [(fresh(), page.pk) for page in Page.objects.all()]
        cursor.executemany("UPDATE pages_page SET description = %s WHERE id = %s", rows)


def write_text() -> None:
    Text.objects.create(parent=some_page(), region="main", ordering=next(counter), text=f"<p>{fresh()}</p>")


def write_own() -> None:
    """Write what was declared last."""
    page = Page.objects.filter(pk__in=[page.pk for page in declared[-1:]]).first() or some_page()
    text = Text.objects.filter(parent=page.pk).first()
    if text is None or next(counter) % 3 == 0:
        Text.objects.create(parent=page, region="main", ordering=next(counter), text=f"<p>{fresh()}</p>")
    elif next(counter) % 3:
        text.text = f"<p>{fresh()}</p>"
        text.save()
    else:
        text.delete()


def write_published() -> None:
    publish(next(counter), "text")


def write_bulk_create() -> None:
    texts = [Text(parent=some_page(), region="main", ordering=50, text=f"<p>{fresh()}</p>") for _ in range(2)]
    Text.objects.bulk_create(texts)


def write_settings() -> None:
    site = SiteSettings.load()
    site.name = site.tagline = fresh()
    site.save()


def write_refused() -> None:
    """An insert that fails after a change in the same savepoint."""
    with suppress(IntegrityError), transaction.atomic():
        page = some_page()
        Page.objects.filter(pk=page.pk).update(title=fresh())
        Page.objects.bulk_create([Page(title="Twice", slug="twice", path=page.path, position=1)])


def write_nothing_visible() -> None:
    SessionStore().create()


WRITES: dict[str, Callable[[], None]] = {
    name.removeprefix("write_"): value for name, value in list(globals().items()) if name.startswith("write_")
}


# What the tests ask for


def reset() -> None:
    """Begin with a small site, in ordinary writes."""
    with transaction.atomic():
        Page.objects.all().delete()
        SiteSettings.objects.update_or_create(defaults={"name": "Lake House", "tagline": fresh()})
        home = Page(title="Home", slug="", menu="main")
        home.save()
        about = Page(title="About", slug="about", menu="main")
        about.save()
        team = Page(title="Team", slug="team", parent=about)
        team.save()
        for page in (home, team):
            Text.objects.create(parent=page, region="main", ordering=10, text=f"<p>{fresh()}</p>")
        Text.objects.create(parent=about, region="main", ordering=10, text=f"<p>{'About us. ' * 200}</p>")


def pages() -> list[str]:
    return list(Page.objects.values_list("path", flat=True))


def titles() -> list[str]:
    return list(Page.objects.order_by("pk").values_list("title", flat=True))


def are_pictures_unfinished() -> bool:
    return Picture.unfinished().exists()


def generation() -> list[Any] | None:
    loaded = models.Generation.load()
    return list(loaded) if loaded else None


def session() -> str:
    """Return the session of an administrator who has just logged in."""
    user, _ = User.objects.get_or_create(username="owner", defaults={"is_staff": True, "is_superuser": True})
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    store["_auth_user_hash"] = get_user_model().objects.get(pk=user.pk).get_session_auth_hash()
    store.create()
    return str(store.session_key)


def page_id(page: int) -> int:
    return int(page_number(page).pk)


def publish_file(path: str) -> int:
    """Render an address as a worker does, and publish it."""
    return rendering.render(path).status_code


def follow() -> None:
    following.Follower().step()


# Faults: this process dies, or finds the disk full, at a named point


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def around(owner: Any, name: str, *, before: bool, action: Callable[[], None]) -> None:
    original = getattr(owner, name)

    def patched(*args: Any, **kwargs: Any) -> Any:
        if before:
            action()
        result = original(*args, **kwargs)
        if not before:
            action()
        return result

    setattr(owner, name, patched)


POINTS: dict[str, Callable[[], tuple[Any, str]]] = {
    "raise": lambda: (models.Generation, "advance"),
    "make": lambda: (files.Directory, "make"),
    "commit": lambda: (type(connections["default"]), "_commit"),
    "switch": lambda: (Publisher, "switch"),
    "lock": lambda: (Publisher, "_lock"),
    "rename": lambda: (os, "replace"),
    "take over": lambda: (files.Directory, "take_over"),
    "unlink": lambda: (os, "unlink"),
    "file": lambda: (files, "_write"),
    "mkdir": lambda: (os, "mkdir"),
    "symlink": lambda: (os, "symlink"),
    "open": lambda: (os, "open"),
    "utime": lambda: (os, "utime"),
    "file's rename": lambda: (os, "rename"),
    "removal": lambda: (following.subprocess, "Popen"),
}


def kill(point: str, before: bool) -> None:
    """Die at that point from now on."""
    owner, name = POINTS[point]()
    around(owner, name, before=before, action=die)


healed: list[Callable[[], None]] = []


def fill(function: str) -> None:
    """Let a function of os, or the writing of files, find the disk full from now on."""

    def full(*args: Any, **kwargs: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    owner: Any = files if function == "write" else os
    attribute = "_write" if function == "write" else function
    original = getattr(owner, attribute)
    setattr(owner, attribute, full)
    healed.append(lambda: setattr(owner, attribute, original))


def heal() -> None:
    while healed:
        healed.pop()()


def answers() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("do")
        try:
            yield {"value": globals()[name](**command)}
        except ValidationError as error:
            yield {"refused": " ".join(error.messages)}
        except Exception:
            yield {"error": traceback.format_exc()}
        # As after a request; otherwise a database that was put back would not be seen.
        connection.close()


if __name__ == "__main__":
    for answer in answers():
        print(json.dumps(answer), flush=True)
