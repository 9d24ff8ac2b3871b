"""What must not be kept is removed for good, from the database and from the disk."""

from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.db import models
from django.test import Client

from myweb.desk import emptying
from myweb.desk.emptying import Emptying, Place
from myweb.desk.line import Line
from myweb.desk.models import PreviewLink, Version
from myweb.operations.backup import keeping
from myweb.operations.backup.references import names_in_use
from myweb.pages.models import Page
from myweb.pages.uploads import Upload
from tests.admin_forms import add_block, form_data
from tests.factories import make_page, make_picture, make_upload

pytestmark = pytest.mark.django_db


def everything() -> str:
    """Return all that is in the database, as text, but for sessions, of which each request makes another text."""
    said = []
    for model in apps.get_models(include_auto_created=True):
        if model is Session:
            continue
        names = [field.attname for field in model._meta.concrete_fields if not isinstance(field, models.BinaryField)]
        said += [str(row) for row in model._base_manager.values_list(*names)]
    return "\n".join(said)


def files(media: Path) -> list[str]:
    return sorted(path.name for path in media.rglob("*") if path.is_file())


def save(client: Client, page: Page, **fields: object) -> None:
    url = f"/admin/pages/page/{page.pk}/change/"
    data = form_data(client.get(url))
    for name in [name for name, value in fields.items() if value is None]:
        data.pop(name, None)
        del fields[name]
    assert client.post(url, data | fields).status_code == 302


@pytest.fixture
def photo(admin_client, home, media) -> Page:
    """A page that has shown a photo, and some words, and shows them no more."""
    page = make_page("About")
    name = Upload.take(make_upload(name="unlawful.jpg")).file.name
    make_picture(page, image=name, alt_text="Unlawful words").finish()
    save(admin_client, page, **{"pages_picture_set-0-DELETE": "on"})
    assert "Unlawful words" in everything()
    assert any("unlawful" in name for name in files(media))
    return page


def url_of(page: Page) -> str:
    return f"/admin/pages/page/{page.pk}/empty/"


def empty(client: Client, page: Page, what: str, **options: object):
    """Send what the page that asks has."""
    return client.post(url_of(page), {"seen": client.get(url_of(page)).context["seen"], "what": what}, **options)


def test_versions_go_with_their_files(admin_client, client, photo, media):
    html = admin_client.get(url_of(photo)).content.decode()
    assert "goes with it" in html
    assert f'<img src="/media/{Upload.objects.get().file.name}"' in html
    assert "What remains in backups" in html
    before = client.get("/about/").content
    assert empty(admin_client, photo, "versions").status_code == 302
    assert "nlawful" not in everything()
    assert not any("unlawful" in name for name in files(media))
    assert not Upload.objects.exists()
    assert client.get("/about/").content == before
    assert Line(Page, photo.pk).last.said["fields"]["title"] == "About"
    assert LogEntry.objects.get().object_repr == "–"
    # And goes on
    save(admin_client, photo, title="After that")
    assert client.get("/about/").content.decode().count("After that")


def test_draft_stays(admin_client, photo):
    url = f"/admin/pages/page/{photo.pk}/change/"
    data = form_data(admin_client.get(url)) | {"title": "Draft"}
    data.pop("_publish")
    admin_client.post(url, data)
    Emptying(photo.pk, with_page=False).run(User.objects.get())
    assert Line(Page, photo.pk).draft.said["fields"]["title"] == "Draft"
    assert Page.objects.get(pk=photo.pk).title == "About"
    assert Version.objects.of(Page, photo.pk).count() == 2


def test_page_goes_with_everything(admin_client, client, photo, media):
    PreviewLink.make(photo.pk, None)
    assert empty(admin_client, photo, "page").status_code == 302
    assert "nlawful" not in everything()
    assert not any("unlawful" in name for name in files(media))
    assert not Version.objects.of(Page, photo.pk).exists()
    assert not PreviewLink.objects.exists()
    assert client.get("/about/").status_code == 410
    assert admin_client.get(url_of(photo)).status_code == 404


def test_page_that_was_deleted_before(admin_client, photo, media):
    key = photo.pk
    photo.delete()
    photo.pk = key
    assert url_of(photo) in admin_client.get("/admin/pages/page/deleted/").content.decode()
    html = admin_client.get(url_of(photo)).content.decode()
    assert 'value="page"' in html
    assert 'value="versions"' not in html
    empty(admin_client, photo, "page")
    assert "nlawful" not in everything()
    assert not any("unlawful" in name for name in files(media))


@pytest.mark.parametrize("where", ["page", "draft", "version", "text"])
def test_file_that_is_used_elsewhere_stays(admin_client, photo, media, where):
    name = Upload.objects.get().file.name
    other = make_page("Other")
    url = f"/admin/pages/page/{other.pk}/change/"
    data = form_data(admin_client.get(url))
    if where == "text":
        add_block(data, "text", text=f'<p><a href="/media/{name}">The picture</a></p>')
    else:
        number = {"image_number": Upload.objects.get().pk}
        add_block(data, "picture", alt_text="Lawful here", image_ppoi="0.5x0.5", **number)
    if where == "draft":
        data.pop("_publish")
    assert admin_client.post(url, data).status_code == 302
    if where == "version":
        save(admin_client, other, **{"pages_picture_set-0-DELETE": "on"})
    assert (
        f'<a href="/admin/pages/page/{other.pk}/versions/">Other</a>'
        in admin_client.get(url_of(photo)).content.decode()
    )
    assert Emptying(photo.pk, with_page=False).pictures() == {name: [Place("Other", other.pk)]}
    empty(admin_client, photo, "versions")
    assert (media / name).exists()
    assert Upload.objects.filter(file=name).exists()
    assert "Unlawful words" not in everything()


def test_history_of_older_releases_goes(admin_client, photo):
    revision = apps.get_model("reversion", "Revision").objects.create(date_created="2026-01-01T00:00Z")
    content_type = apps.get_model("contenttypes", "ContentType").objects.get_for_model(Page)
    apps.get_model("reversion", "Version").objects.create(
        revision=revision,
        object_id=str(photo.pk),
        content_type=content_type,
        db="default",
        format="json",
        serialized_data='[{"fields": {"text": "Unlawful words of old"}}]',
        object_repr="Unlawful",
    )
    empty(admin_client, photo, "versions")
    assert "nlawful" not in everything()


def test_home_page_and_pages_with_others_below_stay(admin_client, home, photo):
    make_page("Below", parent=photo)
    for page, sentence in ((home, "This is the home page."), (photo, "There are pages below this one.")):
        response = empty(admin_client, page, "page", follow=True)
        assert sentence in response.content.decode()
        assert Page.objects.filter(pk=page.pk).exists()
    assert "Unlawful words" in everything()


def test_killed_before_the_files_are_gone(photo, media, monkeypatch):
    """What is left on the disk, nothing knows any more: clean_media finds it."""
    monkeypatch.setattr(emptying, "_remove_files", lambda name: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        Emptying(photo.pk, with_page=False).run(User.objects.get())
    assert "nlawful" not in everything()
    assert not {f"pictures/{name}" for name in files(media)} & names_in_use()


def test_form_that_is_open_meanwhile_loses_nothing_and_brings_nothing_back(admin_client, photo, media):
    url = f"/admin/pages/page/{photo.pk}/change/"
    version = next(item for item in Version.objects.of(Page, photo.pk) if item.content["blocks"])
    data = form_data(admin_client.get(f"{url}?version={version.pk}")) | {"title": "Typed meanwhile"}
    empty(admin_client, photo, "versions")
    admin_client.post(url, data)
    assert "Typed meanwhile" in everything()
    assert not any("unlawful" in name for name in files(media))


def test_who_may_not(django_user_model, home, photo):
    for codenames in (["view_page", "change_page"], ["view_page", "delete_page", "draft_page"]):
        user = django_user_model.objects.create_user("-".join(codenames), is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        assert client.get(url_of(photo)).status_code == client.post(url_of(photo), {"what": "page"}).status_code == 403
        assert url_of(photo) not in client.get(f"/admin/pages/page/{photo.pk}/versions/").content.decode()


def test_get_changes_nothing(admin_client, photo):
    before = everything()
    admin_client.get(url_of(photo))
    admin_client.post(url_of(photo), {})
    assert everything() == before


def test_many_pictures(home, django_assert_max_num_queries):
    blocks = [
        {"kind": "pages.picture", "key": number, "fields": {"image": f"pictures/photo-{number:016x}.jpg"}}
        for number in range(100)
    ]
    content = {"format": 1, "fields": {"title": "Album"}, "blocks": blocks}
    Version.objects.create(model="pages.page", key=home.pk, event=Version.Event.REFUSED, content=content, digest="")
    with django_assert_max_num_queries(150):
        assert list(Emptying(home.pk, with_page=False).pictures().values()) == [[]] * 100


@pytest.mark.parametrize("least", [1, 2**62])
@pytest.mark.parametrize("button", [{"_publish": "1"}, {"_draft": "1"}, {"_autosave": "1"}])
def test_form_that_is_open_while_the_page_goes_loses_nothing(admin_client, photo, monkeypatch, least, button):
    """Whether keys like this one are given to new pages or not."""
    monkeypatch.setattr("myweb.desk.admin.LEAST_NEW_KEY", least)
    url = f"/admin/pages/page/{photo.pk}/change/"
    data = form_data(admin_client.get(url)) | {"title": "Typed meanwhile"}
    data.pop("_publish")
    empty(admin_client, photo, "page")
    response = admin_client.post(url, data | button)
    [kept] = Version.objects.of(Page, photo.pk)
    assert kept.said["fields"]["title"] == "Typed meanwhile"
    assert not Page.objects.filter(pk=photo.pk).exists()
    where = response.json()["url"] if "_autosave" in button else response["Location"]
    assert where == f"{url}?version={kept.pk}"
    assert "Typed meanwhile" in admin_client.get(where).content.decode()
    # And can be removed as well
    empty(admin_client, photo, "page")
    assert "Typed meanwhile" not in everything()


def test_who_has_no_form_of_a_page_makes_none_of_what_is_gone(admin_client, photo):
    url = f"/admin/pages/page/{photo.pk}/change/"
    data = form_data(admin_client.get(url))
    empty(admin_client, photo, "page")
    assert admin_client.post(url, data | {"_base": "0-"}).status_code == 302
    assert not Version.objects.of(Page, photo.pk).exists()


def test_what_somebody_has_saved_meanwhile_does_not_go_unseen(admin_client, photo):
    seen = {"seen": admin_client.get(url_of(photo)).context["seen"]}
    save(admin_client, photo, title="Saved meanwhile")
    for what in ("versions", "page"):
        response = admin_client.post(url_of(photo), seen | {"what": what}, follow=True)
        assert "Somebody has saved this page meanwhile." in response.content.decode()
    assert "Saved meanwhile" in everything()
    assert "Unlawful words" in everything()


def test_version_that_was_published_but_is_not_live_any_more_goes(admin_client, photo):
    """The page was changed by something that keeps no versions."""
    Version.objects.of(Page, photo.pk).filter(number=Line(Page, photo.pk).last.number).delete()
    assert Line(Page, photo.pk).last.said["blocks"]
    empty(admin_client, photo, "versions")
    assert "nlawful" not in everything()
    assert Page.objects.get(pk=photo.pk).title == "About"


def test_nothing_to_remove(admin_client, home):
    page = make_page("About")
    html = admin_client.get(url_of(page)).content.decode()
    assert 'value="versions"' not in html
    assert 'value="page"' in html


def test_each_removal_stays_in_the_log(admin_client, photo):
    empty(admin_client, photo, "versions")
    empty(admin_client, photo, "page")
    assert [entry.change_message for entry in LogEntry.objects.all()] == ["Removed for good"] * 2


@pytest.fixture
def backups(settings, tmp_path) -> Path:
    settings.VAR = tmp_path
    return keeping.backups_directory()


def test_backups_that_go_and_that_stay(admin_client, photo, backups):
    for name in ("myweb-20260101T000000Z.zip", "myweb-20260102T000000Z.zip", "myweb-20260102T000000Z.zip.proven"):
        (backups / name).touch()
    html = admin_client.get(url_of(photo)).content.decode()
    assert "2 backups on this machine, from Jan. 1, 2026" in html
    assert "removed by Feb. 6, 2026" in html
    assert "until somebody deletes" not in html
    (backups / "before-restore-20260103T000000Z.zip").touch()
    (backups / "portable-20260103T000000Z.zip").touch()
    html = admin_client.get(url_of(photo)).content.decode()
    assert "deletes them: before-restore-20260103T000000Z.zip, portable-20260103T000000Z.zip." in html


def test_only_backups_that_stay(admin_client, photo, backups):
    (backups / "portable-20260103T000000Z.zip").touch()
    html = admin_client.get(url_of(photo)).content.decode()
    assert "deletes it: portable-20260103T000000Z.zip." in html
    assert "There is no backup" not in html


def test_backups_that_cannot_be_listed(admin_client, photo, monkeypatch):
    monkeypatch.setattr(keeping, "backups_directory", lambda: Path("/nowhere"))
    assert "are kept for 5 weeks" in admin_client.get(url_of(photo)).content.decode()


def test_form_that_was_opened_on_what_is_gone_overwrites_no_draft(admin_client, home):
    page = make_page("About")
    url = f"/admin/pages/page/{page.pk}/change/"

    def as_draft() -> dict:
        data = form_data(admin_client.get(url))
        del data["_publish"]
        return data

    admin_client.post(url, as_draft() | {"title": "Draft"})
    stale = as_draft()
    admin_client.post(url.replace("change", "discard"))
    empty(admin_client, page, "versions")
    admin_client.post(url, as_draft() | {"title": "Of somebody else"})
    response = admin_client.post(url, stale | {"title": "Mine"}, follow=True)
    assert "Nothing is lost" in response.content.decode()
    assert form_data(admin_client.get(url))["title"] == "Of somebody else"
