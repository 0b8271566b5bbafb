from pathlib import Path

from recsys.categories import CategoryTree


def names(tree: CategoryTree, path: str) -> set[str]:
    return {name for name, below in zip(tree.paths, tree.under(path), strict=True) if below}


def test_every_ancestor_of_a_path_is_a_category_with_a_smaller_code() -> None:
    tree = CategoryTree.build(["家居 > 厨房 > 杯子", "Home"])
    assert list(tree.paths) == ["家居", "家居 > 厨房", "家居 > 厨房 > 杯子", "Home"]
    assert tree.parent.tolist() == [-1, 0, 1, -1]
    assert tree.ancestors.tolist() == [[0, -1, -1], [0, 1, -1], [0, 1, 2], [3, -1, -1]]


def test_white_space_and_empty_segments_do_not_make_categories() -> None:
    tree = CategoryTree.build(["Home>Kitchen", " Home >　Kitchen ", "Home > > Kitchen >", "", ">"])
    assert list(tree.paths) == ["Home", "Home > Kitchen"]
    assert tree.code("Home　>Kitchen") == 1
    assert tree.code("") == -1


def test_under_goes_by_segments_not_by_letters() -> None:
    tree = CategoryTree.build(["Home > Kitchen", "Homeware > Mugs", "Home > Kitchenware"])
    assert names(tree, "Home") == {"Home", "Home > Kitchen", "Home > Kitchenware"}
    assert names(tree, "Home > Kitchen") == {"Home > Kitchen"}
    assert names(tree, "Kitchen") == set()
    assert names(CategoryTree(), "Home") == set()


def test_a_grown_tree_keeps_all_codes() -> None:
    tree = CategoryTree.build(["a > b"])
    grown = tree.with_path("a > c > d").with_path("a > b")
    assert [grown.code(path) for path in tree.paths] == [0, 1]
    assert grown.code("a > c > d") == 3
    assert tree.code("a > c") == -1


def test_a_saved_tree_loads_with_the_same_codes(tmp_path: Path) -> None:
    tree = CategoryTree.build(["家居 > 厨房", "Home", "家居 > 卧室"])
    tree.save(tmp_path)
    loaded = CategoryTree.load(tmp_path)
    assert list(loaded.paths) == list(tree.paths)
    assert loaded.parent.tolist() == tree.parent.tolist()
