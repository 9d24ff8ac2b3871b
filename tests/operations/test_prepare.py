import pytest
from django.core.management import call_command

from myweb.pages.models import Page
from tests.operations.places import Place, empty_place
from tests.site import free_port

pytestmark = pytest.mark.django_db


def test_it_works(settings, tmp_path, home):
    settings.VAR = tmp_path
    call_command("prepare", verbosity=0)
    assert (tmp_path / "nginx" / "nginx.conf").exists()
    assert Page.objects.get() == home


@pytest.mark.postgres
@pytest.mark.parametrize("killed_after", [None, "auth"])
def test_new_database_of_a_site_shows_no_demonstration(tmp_path, killed_after):
    """Else visitors would see it until the backup is restored; also if the first start was killed while it migrated."""
    with empty_place(tmp_path / "var", on_postgresql=True) as place:
        (place.var / "backups").mkdir()
        (place.var / "backups" / "myweb-of-the-site.zip").touch()
        if killed_after:
            place.manage("migrate", killed_after)
        assert "it stays empty until a backup is restored." in place.manage("prepare")
        assert "it stays empty" not in place.manage("prepare")
        assert place.shell("from myweb.pages.models import Page; print(Page.objects.count())") == "0"


def test_database_that_cannot_be_reached(tmp_path):
    """One sentence, with the setting that can put it right."""
    place = Place(tmp_path, f"postgres://myweb:secret@127.0.0.1:{free_port()}/myweb")
    sentence = place.refused("prepare")
    assert sentence.startswith("The database of DATABASE_URL cannot be reached: ")
    assert "secret" not in sentence
