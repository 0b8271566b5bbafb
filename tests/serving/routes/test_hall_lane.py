"""The short way of a hall and the framework's way of the same route give the same answers, refusals included."""

import warnings
from typing import Any

import pytest

from serving.app import create_app
from serving.control.scenarios import Scenario, ScenarioRepository
from serving.control.tokens import sign_shopper_token
from serving.front import in_front
from serving.routes.hall_lane import HallLane
from serving.times import now_ms

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

SECRET = "0123456789abcdef" * 4
HALL = {
    "slug": "lane-hall",
    "title": {"en": "Lane", "zh": "通道"},
    "copy": {"en": "Quick.", "zh": "快。"},
    "shelves": [
        {"name": {"en": "Cheap", "zh": "实惠"}, "strategy": "trending", "filter": "price < 30", "size": 6},
        {"name": {"en": "Your regulars", "zh": "您的常购"}, "strategy": "buy_again", "size": 5},
        {"name": {"en": "For you", "zh": "为您精选"}, "size": 10},
    ],
}
PATH = "/v1/scenarios/lane-hall"
CHANGING = {"recomm_id", "took_ms", "request_id", "freshness"}
COUNTED = {"x-request-id", "x-took-ms", "content-length"}


@pytest.fixture(scope="module", autouse=True)
def hall(api: Any) -> None:
    halls = ScenarioRepository(api.resources.stores.database, now_ms)
    halls.put(Scenario.model_validate(HALL), actor="test")
    api.resources.scenarios._scenarios._snapshot.refresh()


@pytest.fixture(scope="module")
def plain(api: Any) -> Any:
    """The same service without the short way; it is started already."""
    app = create_app(resources=api.resources)
    app.middleware_stack = in_front(app.build_middleware_stack(), api.resources, short=False)
    return beside(api, app)


def beside(api: Any, app: Any) -> Any:
    """A client in the event loop that the service lives in."""
    client = TestClient(app, raise_server_exceptions=False)
    client.portal = api.client.portal
    return client


def both(api: Any, plain: Any, path: str, key: str | None = "storefront", **headers: str) -> int:
    """Ask both ways, and compare."""
    if key is not None:
        headers.setdefault("Authorization", f"Bearer {api.keys[key]}")
    ours, theirs = (client.get(path, headers=headers) for client in (api.client, plain))
    assert ours.status_code == theirs.status_code
    said = [
        {name: value for name, value in each.json().items() if name not in CHANGING}
        for each in (ours, theirs)
    ]
    assert said[0] == said[1]
    told = [
        {name: value for name, value in each.headers.items() if name not in COUNTED}
        for each in (ours, theirs)
    ]
    assert told[0] == told[1]
    return int(ours.status_code)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?user_id=KNOWN",
        "?user_id=KNOWN&language=zh-CN&return_items=true",
        "?session_id=s&personalization=session&channel=app&market=CN",
        "?dry_run=1&seed=7",
        "?user_id=%E5%95%86",
    ],
)
def test_good_questions_are_answered_alike(api: Any, plain: Any, query: str) -> None:
    assert both(api, plain, PATH + query.replace("KNOWN", api.made.shopper)) == 200


@pytest.mark.parametrize(
    "query",
    [
        "?user=x",
        "?user_id=",
        "?user_id=a&user_id=b",
        "?return_items=perhaps",
        "?seed=-1",
        "?personalization=some",
        "?user_id=%ff",
        "?" + "a" * 5000,
    ],
)
def test_odd_questions_are_answered_alike(api: Any, plain: Any, query: str) -> None:
    both(api, plain, PATH + query)


def test_callers_are_treated_alike(api: Any, plain: Any) -> None:
    token = sign_shopper_token("u1", now_ms() + 60_000, SECRET)
    assert both(api, plain, PATH, key=None) == 401
    assert both(api, plain, PATH, key="engineer") == 403
    assert both(api, plain, PATH, key="browser") == 200
    assert both(api, plain, PATH + "?user_id=u2", "browser", **{"X-Shopper-Token": token}) == 403
    assert both(api, plain, PATH + "?user_id=u1", "browser", **{"X-Shopper-Token": token}) == 200
    assert both(api, plain, PATH, "browser", **{"X-Shopper-Token": "x" * 3000}) == 422


def test_other_halls_and_routes_go_on(api: Any, plain: Any) -> None:
    assert both(api, plain, "/v1/scenarios/nowhere") == 404
    assert both(api, plain, "/v1/scenarios/lane-hall/more") == 404
    assert both(api, plain, "/v1/scenarios?user_id=u1") == 200


def test_the_short_way_is_taken(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def framework(*_: Any) -> None:
        raise AssertionError("the framework was asked")

    lane = HallLane(framework, api.resources)
    app = create_app(resources=api.resources)
    app.middleware_stack = lane
    key = {"Authorization": f"Bearer {api.keys['storefront']}"}
    assert beside(api, app).get(PATH, headers=key).status_code == 200
