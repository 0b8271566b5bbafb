"""What wraps every route: request ids, times, gzip, CORS, and a docs page that needs no other host."""

import re
from typing import Any

import pytest

from recsys.errors import ConfigError
from serving.app import create_app
from serving.ids import made_at
from serving.resources import compose


def test_a_request_id_comes_back_or_is_made(api: Any) -> None:
    answer = api.call("GET", "/healthz", None, headers={"X-Request-Id": "order-77:a"})
    assert answer.headers["x-request-id"] == "order-77:a"
    for unfit in ("two words", "x" * 129, "ä"):
        answer = api.call("GET", "/healthz", None, headers={"X-Request-Id": unfit.encode()})
        assert made_at(answer.headers["x-request-id"]) is not None


def test_every_answer_says_how_long_it_took(api: Any) -> None:
    for path in ("/healthz", "/v1/nothing", "/docs"):
        assert float(api.call("GET", path).headers["x-took-ms"]) > 0


def test_long_answers_are_compressed_for_who_understands_it(api: Any) -> None:
    packed = api.call("POST", "/v1/recommendations", json={"num": 50}, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.json()["items"]) == 50
    plain = api.call("POST", "/v1/recommendations", json={"num": 50}, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


def test_lists_are_kept_by_no_cache(api: Any) -> None:
    assert api.recommend().headers["cache-control"] == "no-store"


def test_the_docs_page_loads_nothing_from_elsewhere(api: Any) -> None:
    page = api.call("GET", "/docs", None)
    assert page.status_code == 200
    links = re.findall(r"""(?:src|href)=["']([^"']+)""", page.text)
    assert links and not [link for link in links if "//" in link]
    for link in links:
        assert api.call("GET", link, None).status_code == 200
    assert "cdn" not in page.text.lower()


def test_the_description_documents_every_field_with_an_example(api: Any) -> None:
    schemas = api.call("GET", "/openapi.json", None).json()["components"]["schemas"]
    bare = [
        f"{model}.{name}"
        for model, schema in schemas.items()
        for name, field in schema.get("properties", {}).items()
        if not field.get("examples") and "$ref" not in str(field)
    ]
    assert bare == []


def test_every_refusal_is_documented_as_a_problem(api: Any) -> None:
    paths = api.call("GET", "/openapi.json", None).json()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], (method, path, status)


def test_pages_of_named_origins_may_call_and_no_others(open_api: Any, redis_url: str, tmp_path: Any) -> None:
    plain = open_api()
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in plain.call("GET", "/healthz", None, headers=asked).headers
    settings = plain.resources.settings.model_copy(update={"cors_origins": ("https://shop.example",)})
    api = open_api(settings=settings)
    preflight = api.client.options("/v1/recommendations", headers=asked)
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    answer = api.recommend()
    assert answer.status_code == 200
    refused = api.call("POST", "/v1/recommendations", json={"num": 0}, headers=asked)
    assert refused.headers["access-control-allow-origin"] == "https://shop.example"
    assert "X-Request-Id" in refused.headers["access-control-expose-headers"]
    stranger = api.call("GET", "/healthz", None, headers={"Origin": "https://other.example"})
    assert "access-control-allow-origin" not in stranger.headers


def test_open_cors_and_browser_keys_do_not_go_together(open_api: Any) -> None:
    api = open_api()
    open_to_all = api.resources.settings.model_copy(update={"cors_origins": ("*",)})
    with pytest.raises(ConfigError, match="RECSYS_CORS_ORIGINS"):
        create_app(resources=compose(open_to_all, api.resources.stores))
