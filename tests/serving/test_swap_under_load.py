"""Releases change under a hail of requests: nobody fails, and no answer mixes two of them."""

import threading
import time
from typing import Any

from serving.times import now_ms


def test_every_answer_is_of_one_release_while_the_pointer_flips(
    open_api: Any, made: Any, other_made: Any
) -> None:
    api = open_api()
    catalogues = {each.release_id: {item.item_id for item in each.shop.items} for each in (made, other_made)}
    assert set.isdisjoint(*catalogues.values())
    stop, wrong, seen = threading.Event(), [], []

    def hammer(number: int) -> None:
        body = {
            "user_id": f"u{number}",
            "events": [{"type": "view", "item_id": "mug/0001"}],
            "return_items": True,
        }
        while not stop.is_set():
            answer = api.recommend(**body)
            if answer.status_code != 200:
                wrong.append(answer.text)
                return
            said = answer.json()
            release_id = said["freshness"]["release_id"]
            listed = {item["item_id"] for item in said["items"]}
            listed |= {item["reason"]["source_item_id"] for item in said["items"]} - {None}
            if (
                said["model"]["version"] != release_id
                or len(said["items"]) != 20
                or not listed <= catalogues[release_id]
            ):
                wrong.append(said)
            seen.append(release_id)

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(6):
        api.publish((other_made, made)[turn % 2])
        until = time.monotonic() + 30
        wanted = (other_made, made)[turn % 2].release_id
        while api.resources.releases.current().release_id != wanted:
            assert time.monotonic() < until, "the pointer was not followed"
            time.sleep(0.02)
        time.sleep(0.2)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert set(seen) == set(catalogues)


def test_a_rollback_takes_the_release_that_was_kept(open_api: Any, made: Any, other_made: Any) -> None:
    api = open_api()
    first = api.resources.releases.current()
    api.publish(other_made)
    api.resources.releases.follow()
    api.publish(made)
    api.resources.releases.follow()
    assert api.resources.releases.current() is first


def test_what_changed_while_another_release_was_live_holds_after_the_rollback(
    open_api: Any, made: Any, other_made: Any
) -> None:
    api = open_api()
    listed = api.items(num=200)
    path = f"/v1/items/{listed[0]}"
    assert api.call("PATCH", path, "ingest", json={"tags": ["watched"]}).json()["status"] == "written"
    api.publish(other_made)
    api.resources.releases.follow()
    assert api.resources.releases.current().release_id == other_made.release_id
    assert api.call("PATCH", path, "ingest", json={"stock": 0}).json()["status"] == "written"
    api.publish(made)
    api.resources.releases.follow()
    until = now_ms() + 5_000
    while listed[0] in api.items(num=200) and now_ms() < until:
        time.sleep(0.02)
    assert listed[0] not in api.items(num=200)
