import json

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F
from django.test import Client

from myweb.contact.models import ContactMessage
from myweb.pages.blocks.text import Text
from myweb.pages.models import Page, SiteSettings
from myweb.publishing.models import Generation
from myweb.publishing.publisher import publisher
from myweb.publishing.watch import changes_content
from tests.admin_forms import form_data
from tests.factories import make_page, make_picture, make_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("published")]


def number() -> int:
    return Generation.objects.get().number


def link(published) -> str:
    return published.readlink().name


def save() -> None:
    Page.objects.get().save()


def update() -> None:
    Page.objects.update(title=F("title"))


def bulk_create() -> None:
    Text.objects.bulk_create([Text(parent=Page.objects.get(), region="main", ordering=n, text="x") for n in (20, 30)])


def bulk_update() -> None:
    Page.objects.bulk_update(Page.objects.all(), ["title"])


def delete() -> None:
    Page.objects.get().delete()


def delete_in_bulk() -> None:
    Text.objects.all().delete()


def get_or_create() -> None:
    SiteSettings.objects.get_or_create(name="New")


def in_raw_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pages_page SET title = 'Raw'")


def many_in_raw_sql() -> None:
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE pages_page SET title = %s", [["One"], ["Two"]])


def behind_a_comment() -> None:
    with connection.cursor() as cursor:
        cursor.execute("/* SELECT */ UPDATE pages_page SET title = 'Raw'")


def in_a_common_table_expression() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH ids AS (SELECT id FROM pages_page) UPDATE pages_page SET title='x' WHERE id IN (SELECT id FROM ids)"
        )


def by_ddl() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE something (id integer)")
        cursor.execute("DROP TABLE something")


def loaddata(tmp_path) -> None:
    fixture = tmp_path / "site.json"
    fixture.write_text(json.dumps([{"model": "pages.sitesettings", "pk": 1, "fields": {"name": "New"}}]))
    call_command("loaddata", fixture, verbosity=0)


def in_the_admin() -> None:
    user = User.objects.create_superuser("owner", password="x")
    client = Client()
    client.force_login(user)
    form = client.get("/admin/pages/sitesettings/", follow=True)
    answer = client.post(form.redirect_chain[-1][0], form_data(form) | {"name": "New"}, follow=True)
    assert answer.status_code == 200
    assert SiteSettings.load().name == "New"


WRITES = [
    save, update, bulk_create, bulk_update, delete, delete_in_bulk, get_or_create, in_raw_sql, many_in_raw_sql,
    behind_a_comment, in_a_common_table_expression, by_ddl, loaddata, in_the_admin,
]  # fmt: skip


@pytest.mark.parametrize("write", WRITES)
def test_every_way_of_writing_begins_a_generation(write, published, tmp_path):
    before, link_before = number(), link(published)
    write(tmp_path) if write is loaddata else write()
    assert number() > before
    assert link(published) != link_before
    assert link(published).startswith(f"{number()}-")


def test_many_writes_of_a_transaction_begin_one(published):
    before = number()
    Generation.objects.update(number=before + 1000)  # ahead of the clock, so that it rises by one
    with transaction.atomic():
        for title in ("One", "Two", "Three"):
            make_page(title)
        assert link(published).startswith(f"{before}-")
    assert number() == before + 1001


def test_reading_begins_none(published, media, admin_client):
    picture = make_picture(make_page("About us"))
    picture.finish()
    before = number()
    page = Page.objects.first()
    for address in (
        *("/", "/about-us/", "/nothing/", "/sitemap.xml", "/robots.txt", "/contact/", "/healthz"),
        *("/admin/", "/admin/pages/page/", f"/admin/pages/page/{page.pk}/change/", "/admin/contact/contactmessage/"),
        f"/admin/pages/page/{page.pk}/versions/",
    ):
        admin_client.get(address)
        Client().get(address)
    assert number() == before


def test_what_no_page_shows_begins_none(published):
    User.objects.create_superuser("owner", password="right")
    before = number()
    client = Client()
    client.post("/admin/login/", {"username": "owner", "password": "wrong"})
    ContactMessage.objects.create(name="Ann", email="ann@example.org", text="Hello")
    ContactMessage.objects.update(name="Anna")
    with transaction.atomic():
        ContactMessage.objects.select_for_update().first()
    ContactMessage.objects.all().delete()
    assert number() == before


def save_and_roll_back() -> None:
    with transaction.atomic():
        save()
        transaction.set_rollback(True)


def test_rollback_of_a_transaction(published):
    before, link_before = number(), link(published)
    save_and_roll_back()
    assert number() == before
    assert link(published) == link_before


def test_write_after_the_rollback_of_the_first_one(published):
    before = number()
    with transaction.atomic():
        save_and_roll_back()
        assert number() == before
        save()
    assert number() > before
    assert link(published).startswith(f"{number()}-")


def test_write_after_a_savepoint_was_rolled_back_by_hand(published):
    before = number()
    with transaction.atomic():
        savepoint = transaction.savepoint()
        save()
        transaction.savepoint_rollback(savepoint)
        assert number() == before
        save()
    assert number() > before
    assert link(published).startswith(f"{number()}-")


def test_write_after_a_savepoint_was_rolled_back_in_sql(published):
    before = number()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SAVEPOINT mine")
        save()
        cursor.execute("/* mine */ ROLLBACK TO SAVEPOINT mine")
        save()
    assert number() > before
    assert link(published).startswith(f"{number()}-")


@pytest.mark.parametrize("by_hand", [True, False])
def test_write_before_a_savepoint_that_is_rolled_back(published, by_hand):
    before = number()
    with transaction.atomic():
        save()
        if by_hand:
            savepoint = transaction.savepoint()
            save()
            transaction.savepoint_rollback(savepoint)
        else:
            save_and_roll_back()
    assert number() > before
    assert link(published).startswith(f"{number()}-")


def test_write_that_fails_without_a_transaction_begins_none(published):
    before = number()
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute("UPDATE pages_page SET title = NULL")
    assert number() == before


@pytest.mark.parametrize("fetch", [lambda c: c.fetchall(), lambda c: c.fetchmany(9), lambda c: list(c), None])
def test_returned_rows_of_a_write_without_a_transaction(published, fetch):
    before = number()
    make_page("Second")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pages_page SET title = 'Raw' RETURNING title")
        rows = fetch(cursor) if fetch else [cursor.fetchone(), cursor.fetchone()]
        assert rows == [("Raw",), ("Raw",)]
        assert cursor.fetchone() is None
        assert cursor.description[0][0] == "title"
    assert number() > before


def test_write_under_manual_transaction_management(published):
    before = number()
    connection.set_autocommit(False)
    try:
        Page.objects.update(title="By hand")
        connection.commit()
    finally:
        connection.set_autocommit(True)
    assert number() > before
    assert link(published).startswith(f"{number()}-")


def test_transactions_under_manual_transaction_management(published):
    """Django runs no callbacks between them."""
    connection.set_autocommit(False)
    try:
        for title in ("One", "Two", "Three"):
            before = number()
            with transaction.atomic():
                Page.objects.update(title=title)
            connection.commit()
            assert number() > before
    finally:
        connection.commit()
        connection.set_autocommit(True)
    assert link(published).startswith(f"{number()}-")


def test_dump_that_names_the_current_generation(published, tmp_path):
    dump = tmp_path / "site.json"
    call_command("dumpdata", "publishing", "pages", output=dump, verbosity=0)
    before, link_before = number(), link(published)
    call_command("loaddata", dump, verbosity=0)
    assert number() > before
    assert link(published) != link_before


def test_emptied_database(published):
    call_command("flush", interactive=False, verbosity=0)
    make_page("New")
    publisher().follow()
    assert link(published).startswith(f"{number()}-")


def test_before_the_table_is_there(published, monkeypatch):
    monkeypatch.setattr("myweb.publishing.watch._has_table", False)
    monkeypatch.setattr(connection.introspection, "table_names", lambda: [])
    before = number()
    save()
    assert number() == before


def test_another_connection_is_watched_as_well(published, monkeypatch):
    before = number()
    connection.close()
    save()
    assert number() > before
    assert len(connection.execute_wrappers) == 1


def test_failure_to_begin_one_fails_the_write(published, monkeypatch):
    """Rather than leaving old pages."""

    def fail(beyond):
        raise DatabaseError

    monkeypatch.setattr(Generation, "advance", fail)
    with pytest.raises(DatabaseError):
        make_text(Page.objects.get(), "<p>Unseen</p>")
    assert not Text.objects.filter(text__contains="Unseen").exists()


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT "pages_page"."updated_at" FROM "pages_page"',
        "  select 1",
        "WITH RECURSIVE tree AS (SELECT 1) SELECT * FROM tree",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", 'SAVEPOINT "s1"', "PRAGMA foreign_keys = ON", "SET TIME ZONE 'UTC'",
        "SELECT 1;", "VACUUM INTO 'copy'", "analyze",
        "CREATE UNIQUE INDEX CONCURRENTLY x ON pages_page (title)", "DROP INDEX x",
        'INSERT INTO "django_session" VALUES (1)', 'DELETE FROM "axes_accessattempt"',
        'SELECT "a"."b" FROM "contact_delivery" FOR UPDATE SKIP LOCKED',
        'UPDATE "publishing_generation" SET "number" = 1',
        'CREATE TABLE "new__contact_delivery" ("id" integer)', 'DROP TABLE "contact_delivery"',
        'INSERT INTO "new__contact_delivery" ("id") SELECT "id" FROM "contact_delivery"',
        'ALTER TABLE "new__contact_delivery" RENAME TO "contact_delivery"',
        """ALTER TABLE "contact_delivery" ADD COLUMN "x" varchar(9) DEFAULT 'new'""",
    ],
)  # fmt: skip
def test_statement_that_changes_no_content(sql):
    assert not changes_content(sql)


@pytest.mark.parametrize(
    "sql",
    [
        'INSERT INTO "pages_page" VALUES (1)', 'insert or ignore into "pages_page" values (1)',
        "REPLACE INTO x VALUES (1)", "UPDATE pages_page SET title = ''", 'DELETE FROM "pages_text"', "TRUNCATE x",
        "ALTER TABLE x ADD y int", 'DROP TABLE "pages_page"', 'ALTER TABLE "contact_delivery" RENAME TO "pages_page"',
        'CREATE TABLE "new__pages_page" ("id" integer)', 'INSERT INTO "new__pages_page" SELECT * FROM "pages_page"',
        'ALTER TABLE "new__pages_page" RENAME TO "pages_page"', 'CREATE TABLE "anything" ("id" integer)',
        "WITH x AS (DELETE FROM pages_page RETURNING id) SELECT * FROM x", "SELECT * INTO copy FROM pages_page",
        'SELECT "a"."b" FROM "pages_page" FOR UPDATE', "COPY pages_page FROM STDIN", "CALL publish_everything()",
        'SELECT 1 FROM "a"; UPDATE "pages_page" SET "x" = 1; SELECT 1 FROM "django_session"',
        'SELECT 1; DELETE FROM "pages_page"', 'COMMIT; DELETE FROM "pages_page"',
        'DELETE FROM "django_session"; DELETE FROM "pages_page"',
        'UPDATE "pages_page" SET "title" = (SELECT "x" FROM "django_session")', "", "anything else",
    ],
)  # fmt: skip
def test_statement_that_may_change_content(sql):
    assert changes_content(sql)
