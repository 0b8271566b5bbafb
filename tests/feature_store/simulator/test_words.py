from feature_store.simulator.words import COLOURS, DEPARTMENTS, MATERIALS, SHELVES, STYLES, THEMES


def test_shelf_names_are_unique() -> None:
    names = [shelf.name[0] for shelf in SHELVES]
    assert len(names) == len(set(names)) == 48


def test_every_name_is_english_and_chinese() -> None:
    pairs = [d.name for d in DEPARTMENTS] + [s.name for s in SHELVES] + [*STYLES, *COLOURS, *MATERIALS]
    pairs += [thing for shelf in SHELVES for thing in shelf.things] + [name for name, _ in THEMES]
    for _, chinese in pairs:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese), chinese


def test_marks_of_a_shelf_are_read_from_its_line() -> None:
    shelf = next(entry for entry in SHELVES if entry.name[0] == "Sun Care")
    assert (shelf.price, shelf.consumable, shelf.peak) == (99.0, True, 7)
    assert shelf.things[0] == ("Sun Cream", "防晒霜")


def test_themes_are_made_of_shelves_that_exist() -> None:
    assert {name for _, names in THEMES for name in names} <= {shelf.name[0] for shelf in SHELVES}
