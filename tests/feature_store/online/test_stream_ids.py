from feature_store.online.stream_ids import after_id, id_of, order_of


def test_ids_are_ordered_by_number_and_not_by_text() -> None:
    ids = ["9-0", "10-0", "10-9", "10-10"]
    assert sorted(ids, key=order_of) == ids != sorted(ids)


def test_a_missing_sequence_is_the_first() -> None:
    assert order_of("0") == (0, 0) < order_of("0-1")


def test_the_following_id_is_the_next_sequence() -> None:
    assert after_id("5-9") == "5-10"
    assert after_id("0") == "0-1"


def test_an_id_comes_back_from_its_order() -> None:
    assert id_of(order_of("1700000000000-3")) == "1700000000000-3"
