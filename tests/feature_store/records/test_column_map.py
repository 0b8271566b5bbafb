import pytest

from feature_store.errors import FileFormatError
from feature_store.records.column_map import ColumnMap, Names, folded
from feature_store.records.kinds import NAMES, RowKind
from recsys.errors import InputError

NAMES_HERE = Names("things", ("item_id", "title", "price"), r"attributes\..+")


def renames(*pairs: str, header: list[str] | None = None) -> dict[str, str]:
    return ColumnMap.parse(pairs).renames(NAMES_HERE, header)


@pytest.mark.parametrize("pair", ["title=名称", "名称=title", " title = 名称 "])
def test_either_side_may_be_ours(pair: str) -> None:
    assert renames(pair, header=["item_id", "名称"]) == {"名称": "title"}
    assert renames(pair) == {"名称": "title"}


def test_an_open_name_counts_as_ours() -> None:
    assert renames("attributes.colour=颜色") == {"颜色": "attributes.colour"}


def test_the_header_decides_when_both_sides_are_ours() -> None:
    assert renames("title=price", header=["item_id", "price"]) == {"price": "title"}
    assert renames("title=price", header=["item_id", "title"]) == {"title": "price"}


@pytest.mark.parametrize("header", [None, ["title", "price"], ["item_id"]])
def test_two_sides_that_are_ours_are_ambiguous_without_help(header: list[str] | None) -> None:
    with pytest.raises(InputError, match="ambiguous"):
        renames("title=price", header=header)


def test_a_pair_without_a_known_side_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'title'"):
        renames("titel=名称")


def test_a_pair_whose_column_is_missing_shows_the_header() -> None:
    with pytest.raises(FileFormatError, match=r"'名称'.*'item_id', 'name'"):
        renames("title=名称", header=["item_id", "name"])


@pytest.mark.parametrize("pairs", [("title=a", "title=b"), ("title=a", "price=a")])
def test_nothing_is_mapped_twice(pairs: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="twice"):
        renames(*pairs)


@pytest.mark.parametrize("pair", ["title", "=x", "title=", "="])
def test_a_pair_has_two_sides(pair: str) -> None:
    with pytest.raises(InputError, match="OURS=THEIRS"):
        ColumnMap.parse([pair])


def test_columns_are_chosen_mapped_and_ignored_by_number() -> None:
    chosen = ColumnMap.parse(["title=名称"], ["junk"]).apply(NAMES_HERE, ["junk", "名称", "item_id"])
    assert chosen == {1: "title", 2: "item_id"}


def test_an_unknown_column_is_named_with_the_way_out() -> None:
    with pytest.raises(FileFormatError, match=r"'prise'.*did you mean 'price'.*--ignore prise"):
        ColumnMap().apply(NAMES_HERE, ["item_id", "prise"])


@pytest.mark.parametrize("header", [["title", "title"], ["attributes", "attributes.a"]])
def test_a_field_that_comes_twice_is_refused(header: list[str]) -> None:
    names = Names("things", ("title", "attributes"), r"attributes\..+")
    with pytest.raises(FileFormatError, match="two columns"):
        ColumnMap().apply(names, header)


def test_mapping_onto_a_column_that_exists_is_refused() -> None:
    with pytest.raises(FileFormatError, match=r"two columns.*'title'"):
        ColumnMap.parse(["title=名称"]).apply(NAMES_HERE, ["title", "名称"])


def test_ignoring_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(FileFormatError, match="no such column"):
        ColumnMap.parse([], ["junk"]).apply(NAMES_HERE, ["item_id"])


def test_a_map_for_several_files_is_cut_to_each() -> None:
    columns = ColumnMap.parse(["title=名称", "user_id=客户"], ["junk"])
    items = columns.part_for(NAMES[RowKind.ITEMS], ["item_id", "名称", "junk"])
    assert (items.pairs, items.ignored) == ((("title", "名称"),), frozenset({"junk"}))
    users = columns.part_for(NAMES[RowKind.USERS], None)
    assert (users.pairs, users.ignored) == ((("user_id", "客户"),), frozenset({"junk"}))


def test_dotted_fields_fold_into_their_map() -> None:
    row = {"user_id": "u", "attributes.age": "30", "attributes.city": "", "attributes.sex": None}
    assert folded(row, ("attributes",)) == {"user_id": "u", "attributes": {"age": "30"}}


def test_a_dotted_field_that_is_nobodys_stays_to_be_refused() -> None:
    assert folded({"price.eur": 1}, ("attributes",)) == {"price.eur": 1}
    both = {"attributes": {"a": 1}, "attributes.b": 2}
    assert folded(both, ("attributes",)) == both


def test_server_fields_are_no_columns_of_a_file() -> None:
    assert "received_at" not in NAMES[RowKind.EVENTS]
    assert "context.page" in NAMES[RowKind.EVENTS]
    assert "source.campaign" not in NAMES[RowKind.EVENTS]
    assert "title_zh" in NAMES[RowKind.ITEMS]
    assert "consent.train" in NAMES[RowKind.USERS]
