"""The filter language of requests, rules, segments and scenarios: one grammar, one tree, one meaning.

    category under "Home > Kitchen" and price < 50 and "vegan" in tags and not brand in ("A", "B") and stock >
    0

`parse` gives a typed tree or an error with its position; `evaluate` is the reference that `recsys.rules`
(numpy masks) and `feature_store.segments` (Ibis) must agree with. Nothing is ever executed.
"""

from recsys.expressions.evaluate import evaluate, keeps
from recsys.expressions.fold import fields, fold_user
from recsys.expressions.parser import parse
from recsys.expressions.tree import Expression

__all__ = ["Expression", "evaluate", "fields", "fold_user", "keeps", "parse"]
