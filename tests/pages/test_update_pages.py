from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from myweb.operations.backup.references import names_in_use
from myweb.pages import pictures
from myweb.pages.blocks.picture import Picture
from myweb.pages.models import Page
from myweb.pages.redirects import Redirect
from tests.factories import make_page, make_picture, make_upload
from tests.site import wait_for

APPEARS_AND_ENDS = """
from datetime import timedelta
from django.utils import timezone
from myweb.pages.models import Page
now = timezone.now()
Page(title="Now", slug="now", publish_from=now + timedelta(seconds=2), publish_until=now + timedelta(seconds=4)).save()
"""


@pytest.mark.nginx
def test_page_appears_and_disappears_by_itself(site):
    assert site.manage("shell", "-v0", "-c", APPEARS_AND_ENDS).returncode == 0
    wait_for(lambda: site.get("/now/").status == 200, "the page appears")
    wait_for(lambda: site.get("/now/").status == 404, "the page disappears")


@pytest.mark.django_db
def test_it_makes_the_renditions_that_are_missing(media):
    picture = make_picture(make_page())
    call_command("update_pages")
    picture.refresh_from_db()
    assert not picture.needs_renditions
    assert list(picture.sources())


@pytest.mark.django_db
def test_renditions_that_somebody_deleted_are_made_again(media):
    picture = make_picture(make_page())
    call_command("update_pages")
    picture.refresh_from_db()
    name = picture.renditions["image/webp"][0][1]
    picture.image.storage.delete(name)
    call_command("update_pages")
    assert picture.image.storage.exists(name)


@pytest.fixture
def picture_of_the_release_before(media) -> Picture:
    """Two widths, in another encoding, and no word of how they were made."""
    picture = make_picture(make_page(), image=pictures.prepare(make_upload((1000, 600))))
    names = {"image/avif": [[640, "old-1.avif"], [1000, "old-2.avif"]], "share": "old.jpg"}
    picture.renditions = {"source": f"{picture.image.name} {picture.image_ppoi}", **names}
    for name in picture.made_files():
        picture.image.storage.save(name, ContentFile(b"picture"))
    Picture.objects.filter(pk=picture.pk).update(renditions=picture.renditions, needs_renditions=False)
    return picture


@pytest.mark.django_db
def test_renditions_of_the_release_before_are_shown_until_there_are_new_ones(picture_of_the_release_before):
    picture = picture_of_the_release_before
    before = picture.made_files()
    Picture.ask_for_missing()
    picture.refresh_from_db()
    assert picture.needs_renditions
    assert [srcset.count("old-") for _type, srcset in picture.sources()] == [2]
    call_command("update_pages")
    picture.refresh_from_db()
    assert [[width for width, _name in picture.renditions[kind]] for kind in ("image/avif", "image/webp")] == [
        [680, 992, 1000]
    ] * 2
    # Which clean_media goes by
    assert not names_in_use().intersection(before)
    assert names_in_use().issuperset(picture.made_files())


@pytest.mark.django_db
def test_release_before_shows_the_new_renditions(picture_of_the_release_before):
    call_command("update_pages")
    renditions = Picture.objects.get().renditions
    assert renditions.pop("source").split(" ")[0] == picture_of_the_release_before.image.name
    # It takes all else for names of files, whose loss it would repair.
    assert isinstance(renditions.pop("share"), str)
    assert {len(item) for made in renditions.values() for item in made} == {2}


@pytest.mark.django_db
def test_all_pictures_of_the_release_before_are_asked_for_at_once(picture_of_the_release_before):
    """Each write makes all pages anew."""
    other = make_picture(make_page("Two"))
    Picture.objects.filter(pk=other.pk).update(renditions={"source": other.image.name}, needs_renditions=False)
    with CaptureQueriesContext(connection) as queries:
        Picture.ask_for_missing()
    assert sum('UPDATE "pages_picture"' in query["sql"] for query in queries) == 1
    assert Picture.unfinished().count() == 2


@pytest.mark.django_db
def test_picture_that_cannot_be_made_anew_stays_as_it_is(picture_of_the_release_before, caplog):
    picture = picture_of_the_release_before
    Path(picture.image.path).write_bytes(b"broken")
    call_command("update_pages")
    assert picture.image.name in caplog.text
    Picture.ask_for_missing()
    assert not Picture.unfinished().exists()
    assert list(Picture.objects.get().sources()) == list(picture.sources())


@pytest.mark.django_db
def test_nothing_is_asked_for_without_an_original(media):
    """Else every look would make all pages anew."""
    picture = make_picture(make_page())
    call_command("update_pages")
    picture.refresh_from_db()
    picture.image.storage.delete(picture.renditions["share"])
    picture.image.storage.delete(picture.image.name)
    Picture.ask_for_missing()
    assert not Picture.unfinished().exists()


@pytest.mark.django_db
def test_lost_file_is_said_once_and_does_not_stop_the_others(media, caplog):
    lost, picture = make_picture(make_page()), make_picture(make_page("Two"))
    lost.image.storage.delete(lost.image.name)
    call_command("update_pages")
    assert lost.image.name in caplog.text
    assert not Picture.unfinished().exists()
    picture.refresh_from_db()
    assert list(picture.sources())


@pytest.mark.django_db
def test_it_adds_the_keys_that_an_older_release_left_out(client):
    page = make_page("Team")
    Page.objects.update(address_key="")
    Redirect.objects.all().delete()
    assert client.get("/TEAM/").status_code == 404
    call_command("update_pages")
    assert Page.objects.get().address_key == page.address_key
    assert client.get("/TEAM/").status_code == 301
