import pytest

from serving.wire.rate_limit import TokenBuckets


class Clock:
    at = 100.0

    def __call__(self) -> float:
        return self.at


def test_a_burst_passes_and_then_the_rate_decides() -> None:
    clock = Clock()
    buckets = TokenBuckets(per_second=2.0, burst=3, clock=clock)
    assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("a") == pytest.approx(0.5)
    clock.at += 0.5
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0


def test_a_refused_call_takes_nothing() -> None:
    clock = Clock()
    buckets = TokenBuckets(per_second=1.0, burst=1, clock=clock)
    buckets.take("a")
    for _ in range(10):
        assert buckets.take("a") == pytest.approx(1.0)


def test_callers_do_not_share_a_bucket() -> None:
    buckets = TokenBuckets(per_second=1.0, burst=1, clock=Clock())
    assert [buckets.take(name) for name in ("a", "b", "a")] == [0.0, 0.0, 1.0]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    clock = Clock()
    buckets = TokenBuckets(per_second=10.0, burst=2, clock=clock)
    buckets.take("a")
    clock.at += 3600
    assert [buckets.take("a") > 0 for _ in range(3)] == [False, False, True]


def test_the_longest_unseen_callers_are_forgotten_first() -> None:
    buckets = TokenBuckets(per_second=1.0, burst=1, capacity=2, clock=Clock())
    for name in ("a", "b", "a", "c"):
        buckets.take(name)
    assert len(buckets) == 2
    assert buckets.take("a") > 0
    assert buckets.take("b") == 0.0
