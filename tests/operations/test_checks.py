import pytest
from django.core.management import CommandError, call_command

from myweb.operations.checks import check_path


def test_it_works():
    assert check_path() == []


@pytest.mark.parametrize("name", ['quo"te', "dol$lar", "back\\slash", "new\nline"])
@pytest.mark.parametrize("command", ["prepare", "nginx_config"])
def test_path_that_nginx_would_misread(settings, tmp_path, name, command):
    settings.VAR = tmp_path / name
    with pytest.raises(CommandError, match=r"(?s)myweb\.E002.*Set MYWEB_VAR"):
        call_command(command, skip_checks=False)
    assert not settings.VAR.exists()
