"""What is written by hand and what is documented by types are the same."""

from typing import Any

import pytest

from serving.schemas.events import EventsAnswer
from serving.schemas.items import BulkAnswer, ItemAnswer, WriteAnswer
from serving.schemas.operations import Health, Job, JobAccepted, Problem, Readiness, Releases
from serving.schemas.recommendations import Recommendation
from serving.schemas.scenarios import Hall, Halls
from serving.schemas.users import MergeAnswer, UserAnswer

ITEM = {"titles": {"zh": "马克杯"}, "price": 2, "promo": {"price": 1, "end": "2030-01-01T00:00:00Z"}}
EVENT = {
    "event_id": "x",
    "type": "view",
    "session_id": "s",
    "item_id": "mug/0001",
    "timestamp": 1_790_000_000_000,
}
WHOLE_LIST = {
    "events": [{"type": "cart", "item_id": "tea/0001"}],
    "return_items": True,
    "explain": True,
    "why_not": "mug/0001",
}


@pytest.mark.xdist_group("answers")  # each call may need what the one before it wrote
@pytest.mark.parametrize(
    ("key", "method", "path", "body", "model"),
    [
        ("storefront", "POST", "/v1/recommendations", WHOLE_LIST, Recommendation),
        ("storefront", "POST", "/v1/recommendations", {"why_not": "nothing"}, Recommendation),
        ("storefront", "POST", "/v1/recommendations", {}, Recommendation),
        ("storefront", "POST", "/v1/recommendations", {"num": 0}, Problem),
        ("storefront", "POST", "/v1/recommendations", {"filter": "price <"}, Problem),
        ("storefront", "GET", "/v1/scenarios", None, Halls),
        ("storefront", "GET", "/v1/scenarios/weekend-kitchen?return_items=true", None, Hall),
        ("storefront", "POST", "/v1/events", [EVENT, {**EVENT, "item_id": "other"}, {}], EventsAnswer),
        ("ingest", "PUT", "/v1/items/answered", ITEM, WriteAnswer),
        ("ingest", "GET", "/v1/items/answered", None, ItemAnswer),
        ("ingest", "GET", "/v1/items/mug/0001", None, ItemAnswer),
        ("ingest", "POST", "/v1/items", [{"item_id": "n"}, {"prize": 1}], BulkAnswer),
        (
            "ingest",
            "POST",
            "/v1/offers",
            [{"item_id": "answered", "price": 3}, {"item_id": "none"}],
            BulkAnswer,
        ),
        ("ingest", "DELETE", "/v1/items/answered", None, WriteAnswer),
        ("ingest", "PUT", "/v1/users/answered", {"attributes": {"等级": "金"}}, WriteAnswer),
        ("ingest", "GET", "/v1/users/answered", None, UserAnswer),
        ("ingest", "POST", "/v1/users/merge", {"from": "f", "into": "i"}, MergeAnswer),
        ("engineer", "GET", "/v1/releases", None, Releases),
        ("engineer", "POST", "/v1/releases/00112233aabbccdd/promote", None, JobAccepted),
        ("engineer", "GET", "/v1/jobs/none", None, Problem),
        ("engineer", "GET", "/healthz", None, Health),
        ("engineer", "GET", "/readyz", None, Readiness),
    ],
)
def test_an_answer_is_what_its_type_says(
    api: Any, key: str, method: str, path: str, body: object, model: Any
) -> None:
    answer = api.call(method, path, key, **({} if body is None else {"json": body}))
    model.model_validate(answer.json())


def test_a_job_is_what_its_type_says(api: Any) -> None:
    job_id = api.call("POST", "/v1/releases/00112233aabbccdd/promote", "engineer").json()["job_id"]
    Job.model_validate(api.call("GET", f"/v1/jobs/{job_id}", "engineer").json())


def test_the_next_page_is_a_list_like_the_first(api: Any) -> None:
    first = api.recommend().json()["recomm_id"]
    Recommendation.model_validate(api.call("GET", f"/v1/recommendations/{first}/next").json())
