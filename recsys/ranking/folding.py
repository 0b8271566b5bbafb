"""Takes a feature out of trained trees by fixing its value, so that serving need not have it.

Made for what only training knows: where an item stood when it was seen (position as a feature, fixed at serving:
Covington et al., "Deep Neural Networks for YouTube Recommendations", RecSys 2016, §3.4 do so with an example's age).
"""

from typing import Any

__all__ = ["fold_feature"]


def fold_feature(model: dict[str, Any], feature: int, value: float) -> dict[str, Any]:
    """LightGBM's `dump_model()` with every split on column `feature` replaced by the branch that `value` takes.

    Other columns keep their numbers; `model` is not changed. Predictions are those of the whole model for rows whose
    column `feature` holds `value`. Raises ValueError for a categorical split on it.
    """
    trees = [
        {**tree, "tree_structure": _folded(tree["tree_structure"], feature, value)}
        for tree in model["tree_info"]
    ]
    return {**model, "tree_info": trees}


def _folded(node: dict[str, Any], feature: int, value: float) -> dict[str, Any]:
    if "split_feature" not in node:
        return node
    if node["split_feature"] != feature:
        children = {side: _folded(node[side], feature, value) for side in ("left_child", "right_child")}
        return {**node, **children}
    if node["decision_type"] != "<=":
        raise ValueError(
            f"column {feature!r} is split by {node['decision_type']!r}; only numbers can be folded"
        )
    side = "left_child" if value <= node["threshold"] else "right_child"
    return _folded(node[side], feature, value)
