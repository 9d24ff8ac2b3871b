import pytest
from django.core.management import call_command

from myweb.pages.blocks.picture import Picture
from myweb.pages.models import Page
from myweb.pages.redirects import Redirect
from tests.factories import make_page, make_picture
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
