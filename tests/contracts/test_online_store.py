"""One suite for every OnlineStore: the memory store (the specification), Valkey, and Debian's
redis-server."""

import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_store.online.contract import (
    Company,
    Deleted,
    Job,
    JobState,
    OnlineStore,
    Pointer,
    Verdict,
    Written,
)
from feature_store.online.memory import MemoryOnlineStore
from feature_store.online.redis_link import Timeouts
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.testing import running_valkey
from recsys.errors import InputError
from recsys.types import EVENT_CODES, Consent, Event, EventType, Item, Offer, User

VIEW = EVENT_CODES[EventType.VIEW]
LENGTH = 50
# Serving gives a read 50 ms and degrades; here a busy machine must not decide what a contract says.
PATIENT = Timeouts(read_s=5.0)


@pytest.fixture(scope="module", params=["memory", "valkey", "redis-server"])
def server(request: pytest.FixtureRequest) -> Iterator[redis.Redis | None]:
    if request.param == "memory":
        yield None
        return
    binary = None
    if request.param == "redis-server":
        found = shutil.which("redis-server")
        if found is None:
            if os.environ.get("CI") == "true":
                pytest.fail("redis-server is missing; apt-get install redis-server")
            pytest.skip("redis-server is not on PATH")
        binary = Path(found)
    folder = Path(tempfile.mkdtemp(prefix="rc"))
    with running_valkey(folder, binary) as client:
        yield client
    shutil.rmtree(folder)


def make(server: redis.Redis | None) -> OnlineStore:
    if server is None:
        return MemoryOnlineStore(LENGTH)
    return RedisOnlineStore(server, f"t{uuid.uuid4().hex[:12]}", LENGTH, PATIENT)


@pytest.fixture
def store(server: redis.Redis | None) -> Iterator[OnlineStore]:
    with ExitStack() as stack:
        made = make(server)
        if isinstance(made, RedisOnlineStore):
            stack.callback(made.close)
        yield made


def event(event_id: str, **fields: object) -> Event:
    base = {"type": EventType.VIEW, "timestamp": 1_000, "user_id": "u", "item_id": "a"}
    return Event(event_id=event_id, **{**base, **fields})  # type: ignore[arg-type]


def logged(store: OnlineStore) -> list[str]:
    return [entry.event_id for _, entry in store.read_stream("0", 10_000)]


class TestEvents:
    def test_an_event_is_accepted_once_and_its_repetition_is_a_duplicate(self, store: OnlineStore) -> None:
        assert store.append_events([event("1"), event("2")]) == [Verdict.ACCEPTED, Verdict.ACCEPTED]
        assert store.append_events([event("2"), event("3")]) == [Verdict.DUPLICATE, Verdict.ACCEPTED]
        assert logged(store) == ["1", "2", "3"]

    def test_the_same_id_twice_in_one_call_counts_once(self, store: OnlineStore) -> None:
        assert store.append_events([event("1"), event("1")]) == [Verdict.ACCEPTED, Verdict.DUPLICATE]
        assert logged(store) == ["1"]

    def test_another_content_under_a_known_id_is_a_conflict_and_leaves_no_trace(
        self, store: OnlineStore
    ) -> None:
        store.append_events([event("1")])
        other = event("1", item_id="b", user_id="v", session_id="s")
        assert store.append_events([other]) == [Verdict.CONFLICT]
        assert logged(store) == ["1"]
        assert store.shopper("v", "s").history == []
        assert store.shopper("u").history == [("a", VIEW, 1_000)]

    def test_refused_events_push_nothing_out_of_a_full_history(self, store: OnlineStore) -> None:
        full = [event(f"e{number}", timestamp=number, item_id=f"i{number}") for number in range(LENGTH)]
        store.append_events(full)
        again = [event(f"e{number}", timestamp=9_000 + number, item_id="x") for number in range(LENGTH)]
        assert set(store.append_events(again)) == {Verdict.CONFLICT}
        kept = [item for item, _, _ in store.shopper("u", None).history]
        assert kept == [f"i{number}" for number in range(LENGTH)]

    def test_a_conflict_does_not_take_the_first_event_out_of_the_history(self, store: OnlineStore) -> None:
        store.append_events([event("1", price=5.0)])
        assert store.append_events([event("1", price=6.0)]) == [Verdict.CONFLICT]
        assert store.shopper("u").history == [("a", VIEW, 1_000)]

    def test_the_time_of_arrival_is_not_content(self, store: OnlineStore) -> None:
        store.append_events([event("1", received_at=5)])
        assert store.append_events([event("1", received_at=6)]) == [Verdict.DUPLICATE]

    def test_events_come_out_of_the_stream_as_they_went_in(self, store: OnlineStore) -> None:
        full = event(
            "1", type=EventType.PURCHASE, price=12.5, quantity=2.0, query="无线耳机",
            source={"utm_source": "微信"}, context={"门店": "徐汇", "vip": True}, detail={"items": ["a"]},
        )  # fmt: skip
        store.append_events([full])
        assert [entry for _, entry in store.read_stream("0", 10)] == [full]

    def test_reading_goes_on_behind_a_stream_id_and_trimming_forgets_up_to_it(
        self, store: OnlineStore
    ) -> None:
        store.append_events([event(str(number)) for number in range(5)])
        ids = [stream_id for stream_id, _ in store.read_stream("0", 3)]
        assert [entry.event_id for _, entry in store.read_stream(ids[-1], 10)] == ["3", "4"]
        store.trim_stream(ids[1])
        assert logged(store) == ["2", "3", "4"]
        assert store.backlog().length == 3

    def test_stream_ids_grow_after_everything_was_trimmed(self, store: OnlineStore) -> None:
        store.append_events([event("1")])
        (first, _), = store.read_stream("0", 1)  # fmt: skip
        store.trim_stream(first)
        assert store.backlog().oldest is None
        store.append_events([event("2")])
        assert [entry.event_id for _, entry in store.read_stream(first, 10)] == ["2"]

    def test_a_trimmed_event_is_still_a_duplicate(self, store: OnlineStore) -> None:
        store.append_events([event("1")])
        store.trim_stream(store.read_stream("0", 1)[0][0])
        assert store.append_events([event("1")]) == [Verdict.DUPLICATE]
        assert logged(store) == []

    def test_a_waiting_reader_gets_the_event_that_comes(self, store: OnlineStore) -> None:
        writer = threading.Timer(0.05, lambda: store.append_events([event("1")]))
        writer.start()
        found = store.read_stream("0", 10, block_ms=5_000)
        writer.join()
        assert [entry.event_id for _, entry in found] == ["1"]

    def test_served_events_are_stored_without_idempotency(self, store: OnlineStore) -> None:
        served = event("1", type=EventType.SERVED, item_id=None)
        assert store.append_served([served, served])
        assert logged(store) == ["1", "1"]

    def test_501_events_in_one_call_are_refused(self, store: OnlineStore) -> None:
        with pytest.raises(InputError, match="501 events"):
            store.append_events([event(str(number)) for number in range(501)])

    def test_concurrent_posts_of_one_event_store_it_once(self, store: OnlineStore) -> None:
        verdicts: list[Verdict] = []
        threads = [
            threading.Thread(target=lambda: verdicts.extend(store.append_events([event("1")])))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(verdicts) == ["accepted", *["duplicate"] * 7]
        assert logged(store) == ["1"]


class TestHistories:
    def test_a_history_is_in_order_of_time_whatever_the_order_of_arrival(self, store: OnlineStore) -> None:
        store.append_events([event("1", timestamp=30, item_id="丙"), event("2", timestamp=10, item_id="甲")])
        store.append_events([event("3", timestamp=20, item_id="乙", type=EventType.CANCEL)])
        cancel = EVENT_CODES[EventType.CANCEL]
        assert store.shopper("u").history == [("甲", VIEW, 10), ("乙", cancel, 20), ("丙", VIEW, 30)]

    def test_only_the_newest_events_are_kept(self, store: OnlineStore) -> None:
        store.append_events([event(str(number), timestamp=number) for number in range(LENGTH + 20)])
        times = [timestamp for _, _, timestamp in store.shopper("u").history]
        assert times == list(range(20, LENGTH + 20))

    @pytest.mark.parametrize(
        "fields",
        [
            {"type": EventType.SEARCH, "item_id": None},
            {"type": EventType.PAGE_VIEW},
            {"type": EventType.ORDER},
            {"type": EventType.IMPRESSION},
            {"type": EventType.COUPON},
            {"item_id": None},
            {"test": True},
        ],
    )
    def test_what_no_model_reads_is_logged_but_not_remembered(
        self, store: OnlineStore, fields: dict[str, object]
    ) -> None:
        store.append_events([event("1", **fields)])
        assert logged(store) == ["1"]
        assert store.shopper("u").history == []

    def test_an_event_with_user_and_session_is_found_under_both_and_counts_once(
        self, store: OnlineStore
    ) -> None:
        store.append_events([event("1", session_id="s")])
        assert (
            store.shopper("u").history == store.shopper(None, "s").history == store.shopper("u", "s").history
        )
        assert len(store.shopper("u", "s").history) == 1

    def test_the_history_before_signing_in_counts_with_the_session(self, store: OnlineStore) -> None:
        store.append_events([event("1", user_id=None, session_id="s", timestamp=5, item_id="b")])
        store.append_events([event("2", session_id="s", timestamp=9)])
        assert store.shopper("u", "s").history == [("b", VIEW, 5), ("a", VIEW, 9)]
        assert store.shopper("u").history == [("a", VIEW, 9)]

    def test_a_repeated_event_gets_into_a_history_that_missed_it(self, store: OnlineStore) -> None:
        store.append_events([event("1")])
        store.delete_user("u", at=1)
        assert store.append_events([event("1")]) == [Verdict.DUPLICATE]
        assert store.shopper("u").history == [("a", VIEW, 1_000)]

    def test_two_equal_looking_events_with_two_ids_are_two(self, store: OnlineStore) -> None:
        store.append_events([event("1"), event("2")])
        assert store.shopper("u").history == [("a", VIEW, 1_000)] * 2

    def test_an_unknown_shopper_has_an_empty_state(self, store: OnlineStore) -> None:
        state = store.shopper("nobody", "nothing")
        assert (state.history, state.attributes, state.consent, state.merged) == ([], {}, Consent(), False)
        assert store.shopper(None).history == []

    def test_ids_with_braces_and_slashes_stay_apart(self, store: OnlineStore) -> None:
        for number, user_id in enumerate(["x", "x}:h", "{x}", "x/y", "x}"]):
            store.append_events([event(str(number), user_id=user_id, item_id=user_id)])
        assert all(
            store.shopper(name).history == [(name, VIEW, 1_000)] for name in ("x", "x}:h", "{x}", "x}")
        )

    def test_loading_a_history_twice_and_over_live_events_changes_nothing(self, store: OnlineStore) -> None:
        store.append_events([event("1", timestamp=7)])
        history = [("0", "b", VIEW, 3), ("1", "a", VIEW, 7)]
        assert store.load_histories([("u", history), ("v", []), ("w", history)]) == 4
        store.load_histories(iter([("u", history)]))
        assert store.shopper("u").history == [("b", VIEW, 3), ("a", VIEW, 7)]
        assert store.shopper("w").history == store.shopper("u").history

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 12),
                st.sampled_from("abc"),
                st.integers(0, 5),
                st.sampled_from(["u", "v", None]),
            ),
            max_size=25,
        )
    )
    def test_any_sequence_of_posts_ends_like_in_the_specification(
        self, server: redis.Redis | None, rows: list[tuple[int, str, int, str | None]]
    ) -> None:
        ours, specification = make(server), MemoryOnlineStore(LENGTH)
        for number, item_id, timestamp, user_id in rows:
            posted = event(str(number), item_id=item_id, timestamp=timestamp, user_id=user_id, session_id="s")
            assert ours.append_events([posted]) == specification.append_events([posted])
        for ids in (("u",), ("v", "s"), (None, "s")):
            assert ours.shopper(*ids) == specification.shopper(*ids)
        assert logged(ours) == logged(specification)
        if isinstance(ours, RedisOnlineStore):
            ours.close()


class TestMerges:
    def test_merged_shoppers_are_read_as_one_and_their_ids_stay(self, store: OnlineStore) -> None:
        store.append_events([event("1", user_id="访客", timestamp=1, item_id="b"), event("2", timestamp=2)])
        assert store.merge("访客", "u", at=5)
        both = [("b", VIEW, 1), ("a", VIEW, 2)]
        assert store.shopper("u").history == both == store.shopper("访客").history
        assert store.shopper("u").merged
        assert store.unmerge("访客", "u")
        assert store.shopper("u").history == both[1:]
        assert not store.shopper("u").merged

    def test_a_session_can_be_merged_into_an_account(self, store: OnlineStore) -> None:
        store.append_events([event("1", user_id=None, session_id="s", item_id="b")])
        store.merge("s", "u", at=5)
        assert store.shopper("u").history == [("b", VIEW, 1_000)]

    def test_merging_again_changes_nothing(self, store: OnlineStore) -> None:
        assert [store.merge("a", "b", at=1), store.merge("a", "b", at=2)] == [True, False]
        assert [store.unmerge("a", "b"), store.unmerge("a", "b")] == [True, False]

    def test_a_chain_is_one_group_with_its_end_first_and_splits_where_it_is_cut(
        self, store: OnlineStore
    ) -> None:
        for from_id, into_id in (("a", "b"), ("c", "b"), ("b", "d"), ("e", "a")):
            store.merge(from_id, into_id, at=1)
        assert store.group("e")[0] == "d"
        assert all(sorted(store.group(name)) == ["a", "b", "c", "d", "e"] for name in "abcde")
        store.unmerge("b", "d")
        assert store.group("d") == ("d",)
        assert store.group("e")[0] == "b"
        store.unmerge("a", "b")
        assert store.group("e") == ("a", "e")
        assert sorted(store.group("c")) == ["b", "c"]

    def test_circles_and_second_parents_are_refused(self, store: OnlineStore) -> None:
        store.merge("a", "b", at=1)
        store.merge("b", "c", at=1)
        for from_id, into_id in (("c", "a"), ("c", "c")):
            with pytest.raises(InputError, match="circle"):
                store.merge(from_id, into_id, at=2)
        with pytest.raises(InputError, match="'a' is merged into 'b'"):
            store.merge("a", "z", at=2)
        assert sorted(store.group("a")) == ["a", "b", "c"]

    def test_the_account_s_attributes_win_and_any_refusal_counts(self, store: OnlineStore) -> None:
        store.put_user(
            User(user_id="访客", attributes={"city": "北京", "os": "ios"}, consent=Consent(market=False))
        )
        store.put_user(User(user_id="u", attributes={"city": "上海"}))
        store.merge("访客", "u", at=1)
        state = store.shopper("访客")
        assert state.attributes == {"city": "上海", "os": "ios"}
        assert state.consent == Consent(market=False)


class TestUsers:
    def test_a_user_comes_back_as_put_and_with_the_shopper(self, store: OnlineStore) -> None:
        user = User(
            user_id="u",
            attributes={"城市": "上海", "age": 30, "vip": True},
            consent=Consent(train=False),
            updated_at=5,
        )
        assert store.put_user(user) == Written.WRITTEN
        assert store.get_user("u") == user
        assert store.get_user("v") is None
        assert store.shopper("u").attributes == user.attributes
        assert store.shopper("u").consent == user.consent

    def test_the_later_time_wins_and_the_same_content_is_no_change(self, store: OnlineStore) -> None:
        newer = User(user_id="u", attributes={"a": 2}, updated_at=9)
        verdicts = [
            store.put_user(each) for each in (newer, newer, replace(newer, updated_at=8), User(user_id="u"))
        ]
        assert verdicts == ["written", "unchanged", "stale", "stale"]
        assert store.get_user("u") == newer

    def test_an_update_sees_what_is_stored_and_may_skip(self, store: OnlineStore) -> None:
        store.put_user(User(user_id="u", attributes={"a": 1}))
        seen: list[User | None] = []

        def add(held: User | None) -> User | None:
            seen.append(held)
            return None if held is None else replace(held, attributes={**held.attributes, "b": 2})

        assert [store.update_user("u", add), store.update_user("v", add)] == ["written", "skipped"]
        assert store.get_user("u") == User(user_id="u", attributes={"a": 1, "b": 2})
        assert seen[-1] is None

    def test_concurrent_updates_lose_nothing(self, store: OnlineStore) -> None:
        def count(held: User | None) -> User:
            number = int(held.attributes["n"]) if held else 0
            return User(user_id="u", attributes={"n": number + 1})

        threads = [
            threading.Thread(target=lambda: [store.update_user("u", count) for _ in range(10)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.get_user("u") == User(user_id="u", attributes={"n": 40})

    def test_a_deleted_user_is_forgotten_with_the_history(self, store: OnlineStore) -> None:
        store.put_user(User(user_id="u", attributes={"a": 1}))
        store.append_events([event("1")])
        assert store.delete_user("u", at=9)
        assert store.get_user("u") is None
        assert store.shopper("u").history == []
        assert not store.delete_user("u", at=9)

    def test_changes_wait_for_the_worker_and_go_when_it_commits(self, store: OnlineStore) -> None:
        user = User(user_id="u", updated_at=1)
        store.put_user(user)
        store.update_user("u", lambda _: replace(user, updated_at=2))
        store.delete_user("u", at=3)
        store.load_users([User(user_id="quiet")])
        changes = store.read_user_changes("0", 10)
        assert [change for _, change in changes] == [user, replace(user, updated_at=2), Deleted("u", 3)]
        store.commit_user_changes(changes[1][0])
        assert [change for _, change in store.read_user_changes("0", 10)] == [Deleted("u", 3)]

    def test_loading_does_not_overwrite_what_is_newer(self, store: OnlineStore) -> None:
        store.put_user(User(user_id="u", attributes={"a": 2}, updated_at=2))
        assert store.load_users([User(user_id="u", attributes={"a": 1}), User(user_id="v")]) == 2
        assert store.get_user("u") == User(user_id="u", attributes={"a": 2}, updated_at=2)
        assert store.get_user("v") == User(user_id="v")


CUP = Item(
    item_id="杯/1", titles={"en": "Cup", "zh": "马克杯"}, category="家居 > 厨房", tags=("新品", "礼物"), updated_at=10,
    attributes={"颜色": "白"}, offers=(Offer(sku="s1", price=9.5, stock=3.0),),
)  # fmt: skip


class TestCatalogue:
    def test_an_item_comes_back_as_put(self, store: OnlineStore) -> None:
        assert store.put_items([CUP]) == [Written.WRITTEN]
        assert store.get_item("杯/1") == CUP
        assert store.get_items(["?", "杯/1"]) == [None, CUP]
        assert store.get_items([]) == []

    def test_the_later_time_wins_and_the_same_content_is_no_change(self, store: OnlineStore) -> None:
        older, newer = replace(CUP, brand="old", updated_at=9), replace(CUP, brand="new", updated_at=11)
        assert store.put_items([CUP, CUP, older, newer]) == ["written", "unchanged", "stale", "written"]
        assert store.get_item("杯/1") == newer
        assert [change for _, change in store.read_item_changes("0", 10)] == [CUP, newer]

    def test_more_items_than_one_batch_are_all_stored(self, store: OnlineStore) -> None:
        items = [Item(item_id=str(number)) for number in range(1_203)]
        assert set(store.put_items(items)) == {Written.WRITTEN}
        assert store.get_items([item.item_id for item in items]) == items

    def test_an_update_changes_what_is_stored_and_skips_what_is_not(self, store: OnlineStore) -> None:
        store.put_items([CUP])
        verdicts = store.update_items(
            ["杯/1", "?", "杯/1"], lambda _, held: held and replace(held, brand="朱", updated_at=12)
        )
        assert verdicts == ["written", "skipped", "written"]
        assert store.get_item("杯/1") == replace(CUP, brand="朱", updated_at=12)
        assert store.update_items(["杯/1"], lambda _, held: held and replace(held, updated_at=1)) == ["stale"]

    def test_concurrent_updates_lose_nothing(self, store: OnlineStore) -> None:
        store.put_items([Item(item_id="a", attributes={"n": 0}), Item(item_id="b", attributes={"n": 0})])

        def count(_: str, held: Item | None) -> Item | None:
            return held and replace(held, attributes={"n": int(held.attributes["n"]) + 1})

        threads = [
            threading.Thread(target=lambda: [store.update_items(["a", "b"], count) for _ in range(10)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [item.attributes["n"] for item in store.get_items(["a", "b"]) if item] == [40, 40]

    def test_a_deleted_item_is_gone_until_something_later_is_put(self, store: OnlineStore) -> None:
        store.put_items([CUP])
        assert [store.delete_item("杯/1", at=20), store.delete_item("杯/1", at=21)] == ["written", "skipped"]
        assert store.delete_item("?", at=20) == "skipped"
        assert store.get_item("杯/1") is None
        assert store.put_items([replace(CUP, updated_at=19)]) == ["stale"]
        assert store.put_items([replace(CUP, updated_at=21)]) == ["written"]

    def test_deleting_with_an_older_time_is_stale(self, store: OnlineStore) -> None:
        store.put_items([CUP])
        assert store.delete_item("杯/1", at=9) == "stale"
        assert store.get_item("杯/1") == CUP

    def test_a_reader_starts_with_the_snapshot_and_follows_the_changes(self, store: OnlineStore) -> None:
        cursor, nothing = store.catalogue_snapshot()
        assert list(nothing) == []
        store.put_items([CUP])
        following, changes = store.catalogue_since(cursor) or pytest.fail("the cursor is fresh")
        assert changes == [CUP]
        store.delete_item("杯/1", at=20)
        assert store.catalogue_since(following, count=1) is not None
        again, everything = store.catalogue_snapshot()
        assert list(everything) == [Deleted("杯/1", 20)]
        assert store.catalogue_since(again) == (again, [])

    def test_a_snapshot_leaves_out_what_the_reader_knows(self, store: OnlineStore) -> None:
        store.load_items(
            [Item(item_id="imported"), Item(item_id="b", updated_at=5), Item(item_id="c", updated_at=6)]
        )
        _, found = store.catalogue_snapshot(changed_after=5)
        assert list(found) == [Item(item_id="c", updated_at=6)]

    def test_loaded_items_are_not_announced_and_overwrite_nothing_newer(self, store: OnlineStore) -> None:
        store.put_items([CUP])
        assert store.load_items([replace(CUP, updated_at=None), Item(item_id="b")]) == 2
        assert store.get_items(["杯/1", "b"]) == [CUP, Item(item_id="b")]
        assert len(store.read_item_changes("0", 10)) == 1

    def test_a_waiting_reader_gets_the_change_that_comes(self, store: OnlineStore) -> None:
        cursor, _ = store.catalogue_snapshot()
        writer = threading.Timer(0.05, lambda: store.put_items([CUP]))
        writer.start()
        found = store.catalogue_since(cursor, block_ms=5_000)
        writer.join()
        assert found is not None
        assert found[1] == [CUP]

    def test_only_what_is_written_and_an_hour_old_is_trimmed_and_a_reader_behind_it_is_told(
        self, store: OnlineStore
    ) -> None:
        start, _ = store.catalogue_snapshot()
        store.put_items([CUP])
        (first, _), = store.read_item_changes("0", 10)  # fmt: skip
        middle, _ = store.catalogue_snapshot()
        time.sleep(0.002)
        store.put_items([replace(CUP, updated_at=11)])
        now = int(time.time() * 1000)
        store.commit_item_changes(first, now)
        assert store.item_changes_written() == first
        assert len(store.read_item_changes("0", 10)) == 2
        store.commit_item_changes(first, now + 3_700_000)
        assert len(store.read_item_changes("0", 10)) == 1
        assert store.catalogue_since(start) is None
        assert store.catalogue_since(middle) is not None

    def test_a_reader_that_saw_everything_is_not_behind_after_a_trim(self, store: OnlineStore) -> None:
        store.put_items([CUP])
        cursor, _ = store.catalogue_snapshot()
        (last, _), = store.read_item_changes("0", 10)  # fmt: skip
        store.commit_item_changes(last, int(time.time() * 1000) + 7_200_000)
        assert store.read_item_changes("0", 10) == []
        assert store.catalogue_since(cursor) == (cursor, [])
        assert store.catalogue_snapshot()[0] == cursor

    def test_nothing_is_written_at_first(self, store: OnlineStore) -> None:
        assert store.item_changes_written() == "0"


class TestPagesAndPointer:
    def test_a_page_is_remembered_for_its_time(self, store: OnlineStore) -> None:
        store.remember_page("r", b"\x00\xff", ttl_s=60)
        store.remember_page("short", b"x", ttl_s=1)
        assert store.recall_page("r") == b"\x00\xff"
        assert store.recall_page("?") is None
        time.sleep(1.1)
        assert store.recall_page("short") is None

    def test_the_pointer_remembers_the_release_before(self, store: OnlineStore) -> None:
        assert store.live_release() is None
        assert store.set_live_release("r1", at=1) == Pointer("r1", None, 1)
        store.set_live_release("r2", at=2)
        assert store.set_live_release("r2", at=3) == Pointer("r2", "r1", 2) == store.live_release()
        assert store.set_live_release("r1", at=4) == Pointer("r1", "r2", 4)


class TestJobs:
    def test_jobs_are_claimed_in_order_and_finished(self, store: OnlineStore) -> None:
        first = store.push_job("promote", {"release_id": "r1", "理由": "更好"}, by="console")
        second = store.push_job("rollback", {}, by="cli")
        assert store.job_status(first) is not None
        job = store.claim_job()
        assert job == Job(first, "promote", {"release_id": "r1", "理由": "更好"}, "console", 1)
        status = store.job_status(first)
        assert status is not None
        assert (status.state, status.attempt) == (JobState.RUNNING, 1)
        assert store.finish_job(job, JobState.DONE, "live")
        status = store.job_status(first)
        assert status is not None
        assert (status.state, status.detail, status.by) == (JobState.DONE, "live", "console")
        other = store.claim_job()
        assert other is not None
        assert other.job_id == second
        assert store.claim_job() is None
        assert store.job_status("?") is None

    def test_a_job_whose_worker_vanished_is_claimed_again_and_the_lost_claim_is_void(
        self, store: OnlineStore
    ) -> None:
        store.push_job("promote", {}, by="x")
        lost = store.claim_job(visibility_s=0.01)
        assert lost is not None
        time.sleep(0.03)
        again = store.claim_job()
        assert again is not None
        assert (again.job_id, again.attempt) == (lost.job_id, 2)
        assert not store.extend_job(lost)
        assert not store.finish_job(lost, JobState.DONE)
        assert store.finish_job(again, JobState.FAILED, "no")
        assert store.claim_job() is None

    def test_an_extended_claim_is_kept(self, store: OnlineStore) -> None:
        store.push_job("promote", {}, by="x")
        job = store.claim_job(visibility_s=0.05)
        assert job is not None
        assert store.extend_job(job, visibility_s=60)
        time.sleep(0.08)
        assert store.claim_job() is None

    def test_a_job_that_kills_every_worker_fails_in_the_end(self, store: OnlineStore) -> None:
        job_id = store.push_job("promote", {}, by="x")
        for _ in range(3):
            assert store.claim_job(visibility_s=0.005) is not None
            time.sleep(0.02)
        assert store.claim_job() is None
        status = store.job_status(job_id)
        assert status is not None
        assert status.state is JobState.FAILED


class TestCompany:
    def test_notes_come_in_order_from_any_place(self, store: OnlineStore) -> None:
        assert store.company_since("0") == ("0", [])
        notes = [Company("new", ("a", "b")), Company("新", ()), Company("new", ("c",))]
        store.note_company([])
        store.note_company(notes[:2])
        place, found = store.company_since("0")
        assert found == notes[:2]
        store.note_company(notes[2:])
        assert store.company_since(place)[1] == notes[2:]
        middle, first = store.company_since("0", count=1)
        assert first == notes[:1]
        assert store.company_since(middle)[1] == notes[1:]
