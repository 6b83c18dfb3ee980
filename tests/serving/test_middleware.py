"""Access control: tokens, names of the server, pages of other sites."""

from __future__ import annotations

import httpx
import pytest

import clearsight
from support.server_process import Server, assert_error, serving


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "a@127.0.0.1", "192.0.2.7", "", "x:y"]
)
def test_unknown_host_names_are_rejected(client: httpx.Client, host: str) -> None:
    """A page whose name was rebound to this machine sends its own name."""
    assert_error(client.get("/v1/models", headers={"Host": host}), 403, "host_not_allowed")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8000"])
def test_names_of_this_machine_are_known(client: httpx.Client, host: str) -> None:
    assert client.get("/v1/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "x", ""])
def test_other_pages_are_rejected(client: httpx.Client, origin: str) -> None:
    headers = {"Origin": origin, "Content-Type": "application/json"}
    answer = client.post("/v1/models/fashion:predict", content=b"{}", headers=headers)
    assert_error(answer, 403, "origin_not_allowed")


def test_its_own_page_is_allowed(server: Server, client: httpx.Client) -> None:
    headers = {"Origin": server.url, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert client.get("/v1/models", headers=headers).status_code == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert_error(client.get("/", headers=embedded), 403, "origin_not_allowed")


def test_pages_of_other_sites_cannot_read_responses(client: httpx.Client) -> None:
    headers = client.get("/v1/models").headers
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


def test_a_token_is_required_if_others_can_reach_the_server(
    small_bundle: clearsight.Bundle,
) -> None:
    arguments = (f"fashion={small_bundle.path}", "--host", "0.0.0.0", "--allow-host", "me.example")
    with serving(*arguments, CLEARSIGHT_TOKEN="a-long-secret") as server, server.client() as client:
        for headers in (
            {},
            {"Authorization": "Bearer another"},
            {"Authorization": "Basic a-long-secret"},
            {"Authorization": "Bearer a-long-secre"},
            {"Authorization": b"Bearer \xff"},
        ):
            for path in ("/v1/models", "/metrics", "/openapi.json", "/v2/models/fashion"):
                answer = client.get(path, headers=headers)
                assert_error(answer, 401, "token_required")
                assert answer.headers["www-authenticate"] == "Bearer"
        right = {"Authorization": "Bearer a-long-secret"}
        assert client.get("/v1/models", headers=right).status_code == 200
        for path in ("/", "/healthz", "/readyz", "/v2/health/live"):
            assert client.get(path).status_code == 200
        for host, status in (("me.example", 200), ("192.0.2.7:80", 200), ("evil.example", 403)):
            answer = client.get("/v1/models", headers={**right, "Host": host})
            assert answer.status_code == status
