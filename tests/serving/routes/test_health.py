"""Health and metrics, which need no key."""

import re
from pathlib import Path
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
    assert f'recsys_release_loaded{{release="{api.made.release_id}",worker="1"}} 1.0' in answer.text
    assert 'recsys_stage_seconds_count{stage="retrieve"}' in answer.text
    assert "recsys_answers_total" in answer.text


def test_every_metric_of_a_running_process_is_documented(api: Any) -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")
    text = api.call("GET", "/metrics", None).text
    exposed = set(re.findall(r"^# TYPE (recsys_\w+)", text, flags=re.MULTILINE))
    assert {"recsys_catalogue_lag_seconds", "recsys_queue_length", "recsys_worker_starts_total"} < exposed
    assert sorted(name for name in exposed if f"`{name}`" not in page) == []
    section = page.partition("## What to watch")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`recsys_[^|]+) \|", section, flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"recsys_\w+", row)}
    assert sorted(named - exposed) == []


def test_gauges_are_read_from_the_running_parts(api: Any) -> None:
    api.call("GET", "/metrics", None)
    value = api.resources.metrics.registry.get_sample_value
    assert value("recsys_queue_length", {"worker": "1"}) == 0
    assert value("recsys_notes_dropped", {"worker": "1"}) == 0
    assert 50 < value("recsys_release_age_seconds", {"worker": "1"}) < 3600
    assert 0 <= value("recsys_catalogue_lag_seconds", {"worker": "1"}) < 60
