import errno
import shutil
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from myweb.pages.models import Page
from myweb.publishing.files import Directory
from myweb.publishing.models import Generation, Number
from myweb.publishing.publisher import publisher
from myweb.publishing.release import boot, own_release
from tests.factories import make_page

pytestmark = pytest.mark.django_db(transaction=True)


def full_disk(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def other_release(monkeypatch):
    monkeypatch.setattr("myweb.publishing.publisher.own_release", lambda: "other")


def the_generation() -> tuple[int, str]:
    return tuple(Generation.load())


def put_back(number: int) -> None:
    """What a backup does that is restored around Django."""
    with connection.execute_wrapper(lambda execute, *args: execute(*args)):
        Generation.objects.update(number=number, token="restored")


class TestStart:
    def test_it_works(self, published):
        directory = publisher().current
        assert directory.generation == the_generation()
        assert publisher().makes(directory)
        assert directory.release == f"{own_release()}.{boot()}"
        assert published.is_dir()
        assert not list(published.iterdir())

    def test_again_with_the_same_release_changes_nothing(self, published):
        before = publisher().current
        publisher().start()
        assert publisher().current == before

    def test_with_another_release(self, published, other_release):
        before = publisher().current
        publisher().start()
        assert publisher().current.number > before.number
        assert publisher().current.release.startswith("other.")

    def test_back_to_the_release_before(self, published, monkeypatch):
        before = publisher().current
        with monkeypatch.context() as patch:
            patch.setattr("myweb.publishing.publisher.own_release", lambda: "other")
            publisher().start()
        publisher().start()
        assert publisher().current.release == before.release
        assert publisher().current.number > before.number + 1 or publisher().current != before

    def test_after_the_machine_was_started(self, published, monkeypatch):
        """What a power cut may have damaged is not used again."""
        before = publisher().current
        monkeypatch.setattr("myweb.publishing.publisher.boot", lambda: "another")
        publisher().start()
        after = publisher().current
        assert after.number > before.number
        assert publisher().makes(after)
        publisher().start()
        assert publisher().current == after
        assert not list(published.parent.glob("next-release*"))

    @pytest.mark.parametrize("difference", [-5, 0, 5])
    def test_after_a_restore(self, published, difference):
        before = publisher().current
        put_back(before.number + difference)
        publisher().start()
        assert publisher().current.generation == the_generation()
        assert publisher().current.number > max(before.number, before.number + difference)

    def test_while_it_is_switched_off(self, published):
        Generation.objects.update(is_on=False)
        publisher().start()
        assert publisher().current is None

    def test_without_an_answer_of_the_database(self, published, monkeypatch, caplog):
        with monkeypatch.context() as patch:
            patch.setattr(Generation, "load", lambda: (_ for _ in ()).throw(DatabaseError()))
            before = publisher().current
            for _ in range(2):
                publisher().start()
                assert publisher().current == before
        assert caplog.text.count("pages cannot be published") == 1
        assert publisher().to_write_into().generation == the_generation()
        assert publisher().current.generation == the_generation()

    def test_with_another_release_without_an_answer_of_the_database(self, published, monkeypatch, other_release):
        monkeypatch.setattr(Generation, "load", lambda: (_ for _ in ()).throw(DatabaseError()))
        publisher().start()
        assert publisher().current is None

    def test_on_a_full_disk(self, published, monkeypatch, other_release):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "mkdir", full_disk)
            publisher().start()
        assert publisher().current is None

    def test_for_working_on_the_code_nothing_is_published(self, transactional_db, root, settings):
        settings.DEBUG = True
        publisher().start()
        publisher().follow()
        assert publisher().current is None

    def test_on_a_full_disk_it_starts_later(self, published, monkeypatch, other_release):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "symlink_to", full_disk)
            before = the_generation()
            publisher().start()
            assert publisher().to_write_into() is None
            publisher().follow()
            assert publisher().current is None
            assert the_generation() == before
        assert publisher().to_write_into().release.startswith("other.")
        assert publisher().current.release.startswith("other.")
        assert the_generation() > before

    def test_debug_takes_down_what_is_published(self, published, settings):
        settings.DEBUG = True
        publisher().start()
        publisher().follow()
        assert publisher().current is None

    def test_all_that_is_published_is_removed(self, published):
        shutil.rmtree(published.parent)
        publisher().follow()
        assert publisher().current is None
        assert publisher().to_write_into().generation == the_generation()
        assert published.is_dir()

    def test_daemon_of_the_release_before(self, published, monkeypatch):
        """It never publishes under its own release again."""
        with monkeypatch.context() as patch:
            patch.setattr("myweb.publishing.publisher.own_release", lambda: "newer")
            publisher().start()
        published.unlink()
        publisher().follow()
        assert publisher().current.release.startswith("newer.")


class TestSwitch:
    def test_what_another_release_saves_keeps_the_release_of_the_site(self, published, other_release):
        before = publisher().current
        make_page()
        assert publisher().current.number > before.number
        assert publisher().current.release == before.release

    def test_there_is_nothing_to_switch_for_a_site_that_was_never_started(self, root):
        make_page()
        assert publisher().current is None

    def test_it_never_goes_back(self, published):
        """Two writers commit one after the other, and then switch in the opposite order."""
        with connection.execute_wrapper(lambda execute, *args: execute(*args)):
            first = publisher().current
            make_page()
            second = publisher().current
        publisher().switch()  # the first writer's
        assert first != second == publisher().current

    def test_only_a_rename_is_left_after_the_commit(self, published, monkeypatch):
        with transaction.atomic():
            make_page()
            for function in ("mkdir", "symlink_to", "write_bytes"):
                monkeypatch.setattr(
                    Path,
                    function,
                    full_disk if function != "mkdir" else lambda path, *a, **k: path.is_dir() or full_disk(),
                )
        assert publisher().current.generation == the_generation()

    @pytest.mark.parametrize("function", ["mkdir", "symlink_to", "replace"])
    def test_full_disk(self, published, monkeypatch, caplog, function):
        before = publisher().current
        with monkeypatch.context() as patch:
            patch.setattr(Path, function, full_disk)
            for title in ("One", "Two"):
                make_page(title)
                assert publisher().current is None or publisher().current != before
            publisher().follow()
            assert not published.exists() or publisher().current.generation == the_generation()
            assert caplog.text.count("pages cannot be published") == 1
        publisher().follow()
        assert publisher().current.generation == the_generation()
        assert published.is_dir()

    def test_directory_that_cannot_be_written(self, published, monkeypatch):
        """What cannot be published anew and cannot be removed, either, is not changed."""
        before = publisher().current, the_generation()
        for function in ("mkdir", "replace", "unlink"):
            monkeypatch.setattr(Path, function, full_disk)
        with pytest.raises(OSError, match="No space left"):
            make_page()
        assert before == (publisher().current, the_generation())
        assert not Page.objects.filter(title="About us").exists()

    def test_the_database_does_not_answer_after_the_commit(self, published, monkeypatch):
        with transaction.atomic():
            make_page()
            monkeypatch.setattr(Generation, "load", lambda: (_ for _ in ()).throw(DatabaseError()))
        assert publisher().current is None

    def test_directory_in_the_place_of_the_link(self, published):
        """As after `cp -rL`."""
        published.unlink()
        published.mkdir()
        (published / "index.html").write_text("old")
        publisher().start()
        assert publisher().current is None or publisher().current.generation == the_generation()
        assert not (published / "index.html").exists()


class TestFollow:
    def test_it_works(self, published):
        """Another machine has saved."""
        Generation.objects.update(number=the_generation()[0] + 1, token="another")
        publisher().follow()
        assert publisher().current.generation == the_generation()
        assert published.is_dir()

    def test_after_the_machine_was_started(self, published, monkeypatch):
        """It does not bring back what a power cut may have damaged; somebody who serves begins anew."""
        before = publisher().current
        published.unlink()
        monkeypatch.setattr("myweb.publishing.publisher.boot", lambda: "another")
        publisher().follow()
        assert publisher().current is None
        publisher().start()
        publisher().follow()
        assert publisher().current.number > before.number

    def test_nothing_has_changed(self, published, django_assert_num_queries):
        before = publisher().current
        with django_assert_num_queries(1):
            publisher().follow()
        assert publisher().current == before

    @pytest.mark.parametrize("difference", [-5, 0])
    def test_after_a_restore(self, published, difference):
        before = publisher().current
        put_back(before.number + difference)
        publisher().follow()
        assert publisher().current.number > before.number
        assert publisher().current.generation == the_generation()

    def test_after_a_full_disk(self, published):
        published.unlink()
        publisher().follow()
        assert publisher().current.generation == the_generation()
        assert published.is_dir()

    def test_switched_off_and_on_by_another_machine(self, published):
        Generation.objects.update(is_on=False)
        publisher().follow()
        assert not published.is_symlink()
        Generation.objects.update(is_on=True)
        publisher().follow()
        assert published.is_dir()

    def test_the_database_does_not_answer(self, published, monkeypatch):
        before = publisher().current
        monkeypatch.setattr(Generation, "load", lambda: (_ for _ in ()).throw(DatabaseError()))
        with pytest.raises(DatabaseError):
            publisher().follow()
        assert publisher().current == before


class TestOutdated:
    def test_only_lower_numbers(self, published):
        now = publisher().current
        before, after = (now._replace(generation=Number(now.number + by, "token")) for by in (-1, 1))
        for directory in (before, after):
            directory.make()
        (published.parent / "something").mkdir()
        assert sorted(publisher().outdated()) == sorted([before.path, before.next_link])

    def test_nothing_is_published(self, published):
        shutil.rmtree(published.parent)
        assert publisher().outdated() == []


@pytest.mark.parametrize("name", ["", "current", "lock", "1", "1-a", "x-a-b", "1--b"])
def test_name_that_is_not_a_directorys(tmp_path, name):
    assert Directory.parse(tmp_path / name) is None


def test_name_of_a_directory(tmp_path):
    directory = Directory(tmp_path, Number(12, "ab"), "cd")
    assert str(directory) == "12-ab-cd"
    assert Directory.parse(directory.path) == Directory.parse(directory.next_link) == directory
