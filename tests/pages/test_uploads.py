import importlib
from urllib.parse import unquote

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client

from myweb.pages.blocks.picture import Picture
from myweb.pages.uploads import Upload
from tests.admin_forms import add_block, form_data
from tests.factories import make_page, make_picture, make_upload

pytestmark = pytest.mark.django_db

URL = "/admin/pages/page/upload/"


@pytest.fixture
def form(admin_client, home, media):
    url = f"/admin/pages/page/{make_page('About').pk}/change/"
    return url, form_data(admin_client.get(url))


def test_it_is_taken_at_once_and_the_form_carries_its_number(admin_client, form, media):
    url, data = form
    answer = admin_client.post(URL, {"file": make_upload(name="湖.jpg")}).json()
    assert answer["name"] == "湖.jpg"
    assert (media / unquote(answer["preview"]).removeprefix("/media/")).exists()
    add_block(data, "picture", image_number=answer["number"], alt_text="A lake", image_ppoi="0.2x0.3")
    assert admin_client.post(url, data).status_code == 302
    picture = Picture.objects.get()
    assert picture.image.name == Upload.objects.get().file.name
    assert (picture.image_width, picture.image_height, picture.image_ppoi) == (700, 100, "0.2x0.3")


def test_same_picture_is_stored_once(admin_client, media):
    numbers = {admin_client.post(URL, {"file": make_upload(name=name)}).json()["number"] for name in ("a.jpg", "b.jpg")}
    assert len(numbers) == 1
    assert len(list((media / "pictures").iterdir())) == 1


def test_without_javascript_nothing_is_lost_when_the_form_is_refused(admin_client, form, media):
    url, data = form
    add_block(data, "picture", image=make_upload(), alt_text="", image_ppoi="0.5x0.5")
    response = admin_client.post(url, data)
    assert response.status_code == 200
    number = Upload.objects.get().pk
    assert f'name="pages_picture_set-0-image_number" value="{number}"' in response.content.decode()
    assert 'class="imagefield-preview-image"' in response.content.decode()
    # Somebody closes it and comes back
    data = form_data(admin_client.get(url)) | {"pages_picture_set-0-alt_text": "A field"}
    assert admin_client.post(url, data).status_code == 302
    assert Picture.objects.get().image.name == Upload.objects.get().file.name


def test_picture_stays_if_none_is_chosen(admin_client, home, media):
    page = make_page("About")
    picture = make_picture(page)
    url = f"/admin/pages/page/{page.pk}/change/"
    admin_client.post(url, form_data(admin_client.get(url)) | {"pages_picture_set-0-caption": "New"})
    changed = Picture.objects.get()
    assert (changed.image.name, changed.caption) == (picture.image.name, "New")


@pytest.mark.parametrize("number", ["999", "0", "-1", "x", "9" * 30, "1.5"])
def test_number_of_no_picture(admin_client, form, number):
    url, data = form
    add_block(data, "picture", image_number=number, alt_text="A", image_ppoi="0.5x0.5")
    response = admin_client.post(url, data)
    assert response.status_code == 200
    assert "This picture is not there any more." in response.content.decode()
    assert admin_client.post(url, {**data, "_draft": "1", "_publish": ""} | {"_count": 9}).status_code in (200, 302)


def test_file_that_is_gone(admin_client, form, media):
    url, data = form
    number = admin_client.post(URL, {"file": make_upload()}).json()["number"]
    (media / Upload.objects.get().file.name).unlink()
    add_block(data, "picture", image_number=number, alt_text="A", image_ppoi="0.5x0.5")
    assert "This picture is not there any more." in admin_client.post(url, data).content.decode()
    # Uploaded again, it is there again.
    assert admin_client.post(URL, {"file": make_upload()}).json()["number"] == number
    assert (media / Upload.objects.get().file.name).exists()


def test_what_is_no_picture_is_refused_with_a_sentence(admin_client, media):
    upload = make_upload((1600, 1000))
    upload.file.truncate(1000)
    response = admin_client.post(URL, {"file": upload})
    assert response.status_code == 400
    assert "cannot be read as a picture" in response.json()["message"]
    assert admin_client.post(URL).json() == {"message": "Please choose a file."}
    assert not Upload.objects.exists()


def test_who_may_not_draft_uploads_nothing(media):
    client = Client()
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert client.post(URL, {"file": make_upload()}).status_code == 403
    assert client.get(URL).status_code == 403
    assert not Upload.objects.exists()


def test_pictures_of_older_sites_have_rows(media):
    page = make_page("About")
    picture = make_picture(page)
    make_picture(page, ordering=30)
    gone = make_picture(page, ordering=40)
    Picture.objects.filter(pk=gone.pk).update(image="pictures/gone.jpg")
    migration = importlib.import_module("myweb.pages.migrations.0003_uploads")
    migration.take_pictures(apps, None)
    migration.take_pictures(apps, None)
    upload = Upload.objects.get()
    assert (upload.file.name, upload.width, upload.height) == (picture.image.name, 700, 100)
    assert Upload.take(make_upload()) == upload


def test_file_that_a_power_cut_has_left_half_is_written_again(media):
    whole = Upload.take(make_upload())
    path = media / whole.file.name
    content = path.read_bytes()
    path.write_bytes(content[:100])
    assert Upload.take(make_upload()) == whole
    assert path.read_bytes() == content
    # Killed before there was a row
    Upload.objects.all().delete()
    path.write_bytes(content[:100])
    assert (media / Upload.take(make_upload()).file.name).read_bytes() == content
    assert len(list((media / "pictures").iterdir())) == 1
