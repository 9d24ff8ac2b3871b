from concurrent.futures import ThreadPoolExecutor

from myweb.running.directory import fill


def test_it_works(tmp_path):
    fill(tmp_path)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes.pop("secret_key") == 0o600
    assert {name: mode for name, mode in modes.items() if mode & 0o007 == 0} == {"log": 0o750, "run": 0o750}
    assert set(modes) == {"log", "media", "nginx", "run", "static"}
    assert (tmp_path / "run" / "reload").exists()


def test_key_is_made_once_whoever_does_so_at_the_same_time(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fill, [tmp_path] * 8))
    key = (tmp_path / "secret_key").read_text()
    assert len(key) == 64
    fill(tmp_path)
    assert (tmp_path / "secret_key").read_text() == key
    assert not list(tmp_path.glob("secret_key.*"))
