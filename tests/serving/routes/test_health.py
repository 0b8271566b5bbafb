"""Health and metrics, which need no key."""

from typing import Any


def test_live_and_ready_are_two_things(open_api: Any, made: Any) -> None:
    api = open_api(made=None)
    assert api.call("GET", "/healthz", None).json() == {"status": "live"}
    waiting = api.call("GET", "/readyz", None)
    assert waiting.status_code == 503
    assert waiting.json()["code"] == "not_ready"
    assert int(waiting.headers["retry-after"]) >= 1
    assert api.recommend().status_code == 503
    api.publish(made)
    api.resources.releases.follow()
    assert api.call("GET", "/readyz", None).json() == {"status": "ready", "release_id": made.release_id}
    assert api.recommend().status_code == 200


def test_metrics_count_requests_by_route_and_never_by_path(api: Any) -> None:
    api.recommend()
    api.call("GET", "/v1/items/secret-item-id", "ingest")
    api.call("GET", "/no/such/route")
    answer = api.call("GET", "/metrics", None)
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'route="/v1/recommendations"' in answer.text
    assert 'route="/v1/items/{item_id:path}"' in answer.text
    assert 'route="unmatched"' in answer.text
    assert "secret-item-id" not in answer.text and "no/such" not in answer.text
    assert f'recsys_release_loaded{{release="{api.made.release_id}"}} 1.0' in answer.text
    assert 'recsys_stage_seconds_count{stage="retrieve"}' in answer.text
    assert "recsys_answers_total" in answer.text
