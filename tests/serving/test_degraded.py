"""A part goes away under a running service: lists go on, writes say so, and all goes on when it is back."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feature_store.testing import running_valkey
from serving.times import now_ms

AT = now_ms()
"""Of this visit: an event that comes along and a stored one mean the same within one (docs/decisions/0021)."""


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="rd"))
    yield made
    shutil.rmtree(made)


def post(api: Any, event_id: str) -> Any:
    row = {
        "event_id": event_id,
        "type": "cart",
        "user_id": "u",
        "item_id": "tea/0001",
        "timestamp": AT,
    }
    return api.call("POST", "/v1/events", json=[row])


def test_lists_go_on_without_redis_and_all_goes_on_when_it_is_back(open_api: Any, folder: Path) -> None:
    with running_valkey(folder):
        api = open_api()
        settings = api.resources.settings.model_copy(update={"redis_url": f"unix://{folder / 'valkey.sock'}"})
        api = open_api(settings=settings)
        assert post(api, "e1").json()["accepted"] == 1
        personal = api.items(user_id="u")
        strangers = api.items()
    known = {
        "user_id": "u",
        "events": [{"type": "cart", "item_id": "tea/0001", "timestamp": AT}],
    }
    away = api.recommend(user_id="u").json()
    assert away["degraded"] == ["online_features"]
    assert away["freshness"]["events_lag_ms"] is None
    assert [item["item_id"] for item in away["items"]] == strangers
    assert api.items(**known) == personal
    assert api.recommend(session_id="s").json()["degraded"] == ["online_features"]
    assert api.recommend().json()["degraded"] == []
    refused = post(api, "e2")
    assert refused.status_code == 503
    assert (refused.json()["code"], int(refused.headers["retry-after"]) >= 1) == ("unavailable", True)
    assert api.call("PUT", "/v1/items/x", "ingest", json={}).status_code == 503
    assert api.call("GET", f"/v1/recommendations/{away['recomm_id']}/next").status_code == 503
    assert api.call("GET", "/v1/scenarios/weekend-kitchen?user_id=u").json()["degraded"] == [
        "online_features"
    ]
    assert api.call("GET", "/readyz", None).status_code == 200
    with running_valkey(folder):
        deadline = now_ms() + 10_000
        while api.recommend(user_id="u").json()["degraded"] and now_ms() < deadline:
            pass
        assert api.items(user_id="u") == personal
        assert post(api, "e1").json()["duplicates"] == 1
        assert post(api, "e2").json()["accepted"] == 1


def test_without_redis_it_boots_from_the_release_it_served_last(
    open_api: Any, folder: Path, tmp_path: Path
) -> None:
    with running_valkey(folder):
        api = open_api()
        settings = api.resources.settings.model_copy(update={"redis_url": f"unix://{folder / 'valkey.sock'}"})
        open_api(settings=settings)
    alone = open_api(settings=settings, made=None)
    assert alone.call("GET", "/readyz", None).json()["release_id"] == api.made.release_id
    answer = alone.recommend(user_id="u").json()
    assert len(answer["items"]) == 20
    assert answer["degraded"] == ["online_features"]
    # Young as the release is, nobody knows what of it can still be bought.
    refused = alone.recommend(max_staleness_s=1e9)
    assert (refused.status_code, refused.json()["code"]) == (503, "too_stale")


def test_a_release_of_this_machine_is_served_and_given_back_to_an_emptied_redis(
    open_api: Any, made: Any, tmp_path: Path
) -> None:
    home = tmp_path / "releases"
    shutil.copytree(made.folder, home / made.release_id)
    (home / "live.json").write_text(f'{{"release_id": "{made.release_id}", "previous": null, "at": 1}}')
    api = open_api(made=None)
    assert api.call("GET", "/readyz", None).json()["release_id"] == made.release_id
    assert not (tmp_path / "serving-cache" / made.release_id).exists()
    assert api.call("GET", "/v1/releases", "engineer").json()["releases"][0]["loaded"] is True
    other = open_api(made=None, settings=api.resources.settings, home=tmp_path)
    assert other.resources.stores.blobs.keys(f"release:{made.release_id}:manifest")


def test_a_database_that_is_away_stops_nobody_who_was_known(open_api: Any, tmp_path: Path) -> None:
    api = open_api()
    assert api.recommend().status_code == 200
    api.resources.stores.database.dispose()
    (tmp_path / "recsys.db").write_bytes(b"this is no database any more" * 500)
    for name in ("recsys.db-wal", "recsys.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    api.resources.authenticator._keys._snapshot._tried_at = float("-inf")
    assert api.recommend().status_code == 200
    assert api.call("GET", "/v1/scenarios/weekend-kitchen").status_code == 200


def test_over_the_deadline_the_trending_items_answer_under_the_same_filter(open_api: Any) -> None:
    api = open_api()
    hurried = api.resources.settings.model_copy(update={"deadline_ms": 0.0001})
    api = open_api(settings=hurried)
    asked = {"events": [{"type": "cart", "item_id": "tea/0001"}], "filter": 'category under "Sport"'}
    assert api.recommend(**asked).json()["degraded"] == []  # learns what the costly stages cost
    answer = api.recommend(**asked, return_items=True).json()
    assert answer["degraded"] == ["deadline"]
    assert len(answer["items"]) > 10
    assert {item["attributes"]["category"] for item in answer["items"]} == {"Sport > Running > Shoes"}
    assert {item["reason"]["code"] for item in answer["items"]} == {"trending"}
    hall = api.call("GET", "/v1/scenarios/weekend-kitchen").json()
    assert hall["degraded"] == ["deadline"]
    assert hall["shelves"][-1]["items"]
