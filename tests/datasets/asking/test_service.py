import pytest

from strokebench.datasets.asking.service import find_service
from strokebench.errors import StrokebenchError


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch):
    for name in ("STROKEBENCH_TEXT_ENDPOINT", "STROKEBENCH_TEXT_KEY", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_nothing_is_sent_where_nobody_said_so(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.example.org/v1")
    with pytest.raises(StrokebenchError, match="No endpoint"):
        find_service()
    assert find_service("http://localhost:1/v1").key.reveal() == ""
    monkeypatch.setenv("STROKEBENCH_TEXT_ENDPOINT", "https://example.org/v1/")
    monkeypatch.setenv("STROKEBENCH_TEXT_KEY", " sk-2\n")
    endpoint = find_service()
    assert (endpoint.url, endpoint.host) == ("https://example.org/v1", "example.org")
    assert endpoint.key.reveal() == "sk-2"
    assert "sk-2" not in f"{endpoint!r} {endpoint.key} {vars(endpoint)}"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:sk-secret@example.org/v1",
        "https://example.org/v1?key=sk-secret",
        "https://sk-secret@example.org",
        "https://example.org/#sk-secret",
    ],
)
def test_an_address_with_a_key_is_not_repeated(url):
    with pytest.raises(StrokebenchError) as error:
        find_service(url)
    assert "sk-secret" not in str(error.value)


def test_a_key_in_place_of_the_name_of_its_variable_is_not_repeated():
    with pytest.raises(StrokebenchError) as error:
        find_service("https://example.org", "sk_secret")
    assert "sk_secret" not in str(error.value)


@pytest.mark.parametrize("url", ["example.org/v1", "ftp://example.org", "http://", "file:///etc/passwd"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(StrokebenchError):
        find_service(url)


def test_what_leaves_the_machine_is_known(monkeypatch):
    local = ("http://localhost:8000/v1", "http://127.0.0.1/v1", "http://[::1]:8000/v1")
    assert all(find_service(url).is_local for url in local)
    for url in ("http://10.0.0.5:8000/v1", "https://example.org/v1", "https://localhost.example.org"):
        assert not find_service(url).is_local
    assert find_service("https://example.org/v1").is_encrypted
    assert not find_service("http://10.0.0.5/v1").is_encrypted
    monkeypatch.setenv("HTTPS_PROXY", "http://me:pass@proxy.hospital.org:3128")
    assert find_service("https://example.org/v1").proxy == "proxy.hospital.org"
    assert find_service(local[0]).proxy == ""
