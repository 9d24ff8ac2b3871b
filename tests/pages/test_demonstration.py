"""The owner takes the demonstration away, and brings it back."""

import io

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client

from myweb.desk.models import Version
from myweb.pages.models import Page, SiteSettings
from myweb.pages.redirects import Redirect
from tests.admin_forms import form_data
from tests.factories import make_page

pytestmark = pytest.mark.django_db

URL = "/admin/pages/page/demonstration/"


@pytest.fixture
def demonstration(small_pictures) -> list[tuple]:
    call_command("demo", stdout=io.StringIO())
    return state()


def state() -> list[tuple]:
    return list(Page.objects.order_by("path").values_list("pk", "path", "title", "is_public", "position"))


def ticked(client: Client) -> list[int]:
    return client.get(URL).context["form"].initial["pages"]


def test_it_works(admin_client, client, demonstration):
    assert URL in admin_client.get("/admin/").content.decode()
    response = admin_client.post(URL, {"pages": ticked(admin_client)}, follow=True)
    assert "The demonstration is gone." in response.content.decode()
    assert form_data(response)["is_home"] is True
    assert not Page.objects.exists()
    assert SiteSettings.load().name == "localhost"
    assert SiteSettings.load().footer_text == ""
    html = client.get("/").content.decode()
    assert "There is nothing here yet." in html
    assert "Far Hills" not in html
    # Not 410: nobody has missed it.
    assert client.get("/pictures/").status_code == 404
    assert not Redirect.objects.exists()
    assert URL not in admin_client.get("/admin/").content.decode()
    assert "No page of the demonstration is left." in admin_client.get(URL).content.decode()
    # And back again
    deleted = admin_client.get("/admin/pages/page/deleted/")
    assert deleted.content.decode().count('name="all"') == 1
    assert f"Bring all {len(demonstration)} back" in deleted.content.decode()
    [root] = [root for root, _below, at_once in deleted.context["versions"] if at_once]
    response = admin_client.post(f"/admin/pages/page/deleted/{root.pk}/", {"all": "1"}, follow=True)
    assert f"{len(demonstration)} pages are back." in response.content.decode()
    assert state() == demonstration
    assert "<picture" in client.get("/").content.decode()


def test_what_the_owner_has_made_stays(admin_client, client, demonstration):
    own = make_page("Own", parent=Page.objects.get(path="/pictures/"))
    home = Page.objects.get(path="/")
    url = f"/admin/pages/page/{home.pk}/change/"
    admin_client.post(url, form_data(admin_client.get(url)) | {"description": "Ours"})
    SiteSettings.objects.update(name="Lake House")
    chosen = ticked(admin_client)
    assert not {home.pk, own.pk, own.parent_id} & set(chosen)
    admin_client.post(URL, {"pages": chosen})
    assert sorted(Page.objects.values_list("path", flat=True)) == ["/", "/pictures/", "/pictures/own/"]
    assert (SiteSettings.load().name, SiteSettings.load().tagline) == ("Lake House", "")
    assert client.get("/pictures/own/").status_code == 200


def test_page_with_others_below_is_refused(admin_client, demonstration):
    pictures = Page.objects.get(path="/pictures/")
    make_page("Own", parent=pictures)
    response = admin_client.post(URL, {"pages": [pictures.pk]})
    assert response.status_code == 400
    assert "there are pages that stay" in response.content.decode()
    assert not Version.objects.exists()


def test_own_pages_are_not_offered(admin_client, demonstration):
    own = make_page("Own")
    assert admin_client.post(URL, {"pages": [own.pk]}).status_code == 400
    assert Page.objects.filter(pk=own.pk).exists()


def test_who_may_not(django_user_model, demonstration):
    user = django_user_model.objects.create_user("editor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_page", "change_page", "draft_page"]))
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    assert URL not in client.get("/admin/").content.decode()
    assert client.post(URL).status_code == client.get(URL).status_code == 403
