"""The mixed traffic: the shares that are promised, bodies that the product takes, people that look like the release."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.catalogue import Catalogue
from recsys.expressions import parse
from recsys.models.sessions import Sessions
from recsys.rules.masks import item_mask
from recsys.testing.synthetic import build_release
from serving.bench.floor import create_app as create_floor
from serving.bench.load import read_requests, write_requests
from serving.bench.peer import create_app as create_peer
from serving.bench.people import People, draw_people
from serving.bench.traffic import HALL, Traffic
from serving.schemas.recommendations import RecommendationRequest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

NOW = 1_790_000_000_000
COUNT = 4_000


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_release(600, tmp_path_factory.mktemp("release"))[0]


@pytest.fixture(scope="module")
def people(release: Path) -> People:
    return draw_people(release, shoppers=200, sessions=50, now=NOW)


@pytest.fixture(scope="module")
def traffic(release: Path, people: People) -> Traffic:
    return Traffic(Catalogue.load(release / "catalogue"), people, key="rk_key")


@pytest.fixture(scope="module")
def asked(traffic: Traffic) -> list[tuple[str, str, dict[str, Any]]]:
    """(method, path, body) of every request."""
    return list(taken_apart(traffic.ours(COUNT)))


def taken_apart(requests: list[bytes]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for request in requests:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, _ = head.decode().split(" ", 2)
        assert f"Content-Length: {len(body)}" in head.decode() or not body
        yield method, path, json.loads(body) if body else {}


def test_a_history_is_a_walk_over_past_sessions(people: People, release: Path) -> None:
    past = Sessions.load(release / "sessions")
    known = {
        tuple(past.items[start:end].tolist()[:2])
        for start, end in zip(past.offsets[:-1].tolist(), past.offsets[1:].tolist(), strict=True)
        if end - start > 1
    }
    walks = [person.items for person in people.shoppers if len(person.items) > 1]
    assert sum(walk[:2] in known for walk in walks) > len(walks) / 2
    assert 10 < np.median([len(person.items) for person in people.shoppers]) < 30


def test_events_are_in_order_and_past(people: People) -> None:
    for person in (*people.shoppers, *people.sessions, *people.visitors):
        assert len(person.items) == len(person.kinds) == len(person.times) >= 1
        assert list(person.times) == sorted(person.times)
        assert person.times[-1] < NOW


def test_the_same_seed_draws_the_same_people_and_requests(
    release: Path, people: People, traffic: Traffic
) -> None:
    assert draw_people(release, shoppers=200, sessions=50, now=NOW) == people
    assert traffic.ours(200) == traffic.ours(200)


def test_the_shares_are_those_of_a_shop(asked: list[tuple[str, str, dict[str, Any]]]) -> None:
    def share(of: list[bool]) -> float:
        return sum(of) / COUNT

    assert share(["shopper-" in path or "user_id" in body for _, path, body in asked]) == pytest.approx(
        0.6, abs=0.03
    )
    sessions = ["session_id" in path or "session_id" in body or "events" in body for _, path, body in asked]
    # A visitor's events cannot come with a hall, which is asked for by address.
    assert share(sessions) == pytest.approx(0.3, abs=0.03)
    assert share(["events" in body for _, _, body in asked]) == pytest.approx(0.15, abs=0.03)
    assert share(["filter" in body for _, _, body in asked]) == pytest.approx(0.19, abs=0.03)
    assert share(["item_ids" in body for _, _, body in asked]) == pytest.approx(0.1, abs=0.02)
    assert share([HALL in path for _, path, _ in asked]) == pytest.approx(0.05, abs=0.015)


def test_the_product_takes_every_body(asked: list[tuple[str, str, dict[str, Any]]], traffic: Traffic) -> None:
    for method, _, body in asked:
        if method == "POST":
            RecommendationRequest.model_validate_json(json.dumps(body))
    kept = {
        text: item_mask(parse(text), traffic.catalogue, user={}, as_of=NOW).mean()
        for text in {body["filter"] for _, _, body in asked if "filter" in body}
    }
    assert min(kept.values()) > 0
    assert min(kept.values()) < 0.05
    assert max(kept.values()) > 0.5


def test_the_hall_fits_the_catalogue(traffic: Traffic) -> None:
    for shelf in traffic.hall().shelves:
        if shelf.expression is not None:
            assert item_mask(shelf.expression, traffic.catalogue, user={}, as_of=NOW).sum() >= 10


def test_floor_and_peer_answer_their_requests(traffic: Traffic, tmp_path: Path) -> None:
    factors = np.random.default_rng(0).standard_normal((600, 16)).astype(np.float32)
    for app, requests in (
        (create_floor(), traffic.to_floor(30)),
        (create_peer(factors), traffic.to_peer(30)),
    ):
        write_requests(tmp_path / "requests", requests)
        with TestClient(app) as client:
            assert client.get("/readyz").status_code == 200
            lists = set()
            for method, path, body in taken_apart(read_requests(tmp_path / "requests")):
                answer = client.request(method, path, json=body)
                assert answer.status_code == 200, answer.text
                assert len(answer.json()["items"]) == 20
                lists.add(str(answer.json()["items"]))
            assert client.post("/recommend", json={"no": 1}).status_code == 422
        assert (len(lists) > 5) is (app.title == "peer")


def test_the_peer_leaves_out_what_a_shopper_has(traffic: Traffic) -> None:
    factors = np.random.default_rng(0).standard_normal((600, 16)).astype(np.float32)
    with TestClient(create_peer(factors)) as client:
        for _, path, body in taken_apart(traffic.to_peer(30)):
            assert not set(client.post(path, json=body).json()["items"]) & set(body["items"])
