from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.identity_edges import IdentityEdge, resolve


def test_merges_are_followed_to_the_end() -> None:
    edges = [IdentityEdge("session", "app", 1), IdentityEdge("app", "account", 2)]
    assert resolve(edges) == {"session": "account", "app": "account"}


def test_a_merge_holds_from_its_time_until_it_is_undone() -> None:
    edges = [IdentityEdge("a", "b", at=10, undone_at=20)]
    assert [dict(resolve(edges, as_of)) for as_of in (9, 10, 19, 20, None)] == [
        {},
        {"a": "b"},
        {"a": "b"},
        {},
        {},
    ]


def test_of_two_merges_of_one_id_the_later_counts() -> None:
    edges = [IdentityEdge("a", "new", 5), IdentityEdge("a", "old", 1)]
    assert resolve(edges) == {"a": "new"}
    assert resolve(edges, as_of=4) == {"a": "old"}


def test_a_circle_has_one_representative() -> None:
    edges = [IdentityEdge("b", "c", 1), IdentityEdge("c", "b", 2), IdentityEdge("d", "c", 3)]
    assert resolve(edges) == {"c": "b", "d": "b"}


def test_merging_into_oneself_is_nothing() -> None:
    assert resolve([IdentityEdge("a", "a", 1)]) == {}


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef"))))
def test_a_final_id_is_never_merged_itself(pairs: list[tuple[str, str]]) -> None:
    final = resolve([IdentityEdge(one, other, at) for at, (one, other) in enumerate(pairs)])
    assert not set(final.values()) & set(final)
