"""What counts as late, and what fails a mark, whatever else was measured."""

from serving.bench.freshness import EVENT_S, OFFER_S, _judged, _latencies, _together
from serving.bench.probes import Followed


def test_an_item_may_be_shown_until_the_mark_is_over() -> None:
    seen = [("a", 9.0), ("a", 10.5), ("a", 10.0 + OFFER_S), ("a", 10.1 + OFFER_S), ("b", 99.0)]
    late, before = _judged(seen, {"a": 10.0})
    assert (late, before) == (1, 1)


def test_what_never_showed_or_was_refused_fails_whatever_the_others_took() -> None:
    quick = Followed("own event", seconds=[0.01] * 99, at_once=99)
    assert _latencies(quick, EVENT_S)[1].verdict == "PASS"
    assert _latencies(Followed("own event", seconds=[0.01] * 99, never=1), EVENT_S)[1].verdict == "short"
    assert _latencies(Followed("own event", seconds=[0.01], refused=["500"]), EVENT_S)[1].verdict == "short"
    assert _latencies(Followed("own event", seconds=[0.2]), EVENT_S)[1].verdict == "short"
    (_, absent) = _latencies(Followed("inserted", never=4), OFFER_S)
    assert (absent.value, absent.verdict, absent.note) == (None, "short", "not listed")


def test_kinds_together_keep_what_went_wrong() -> None:
    whole = _together([Followed("a", [1.0], 1), Followed("b", [2.0], 0, 2, ["409"])])
    assert (whole.seconds, whole.at_once, whole.never, whole.refused) == ([1.0, 2.0], 1, 2, ["409"])
