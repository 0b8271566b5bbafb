from uuid import RFC_4122, UUID

from serving.ids import made_at, uuid7

NOW = 1_795_000_000_123


def test_an_id_is_a_uuid_of_version_seven_that_tells_when_it_was_made() -> None:
    made = UUID(uuid7(NOW))
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made_at(str(made)) == NOW


def test_ids_sort_by_time_and_differ_within_a_millisecond() -> None:
    made = [uuid7(at) for at in range(NOW, NOW + 50)]
    assert made == sorted(made)
    ids = {uuid7(NOW) for _ in range(1000)}
    assert len(ids) == 1000
    assert max(ids) < min(uuid7(NOW + 1) for _ in range(10))


def test_what_is_no_uuid_of_version_seven_was_never_made() -> None:
    for text in (
        "",
        "x",
        str(UUID(int=0)),
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        uuid7(NOW).upper(),
        f"{{{uuid7(NOW)}}}",
    ):
        assert made_at(text) is None
