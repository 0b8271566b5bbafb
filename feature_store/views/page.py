"""The documentation page of the views, written from their definitions: python -m feature_store.views.page."""

import sys
from collections.abc import Iterator, Mapping
from typing import Final

from feature_store.views.feature_view import FeatureView
from feature_store.views.standard import VIEWS

__all__ = ["features_page"]

_HEAD: Final = """\
# Features

Written by `python -m feature_store.views.page > docs/features.md`; a test fails when it is not. One definition of a
view (`feature_store/views/`) gives its offline table, its training join, its explanation and its section here.

```bash
recsys features list
recsys features build                              # every view, at the newest midnight of the shop
recsys features build user_value --engine spark    # the same numbers from Apache Spark (extra `spark`, Java 17)
recsys features validate                           # the gates of the last builds; exit code 1 when one FAILs
recsys features explain user_value SHOPPER         # the events and numbers behind a shopper's values
```

## What holds for every view
- A value at a cut (`until`) is made of events that happened before it *and* had arrived before it (`received_at`; rows
  of an imported file count as arrived when they happened). Training rows take the newest cut at or before the question.
- A window of n days is the n × 24 hours that end at the cut. Age counts whole days from the cut back.
- Merged shoppers are one, as of the cut. Who refuses the purpose (`personalize`) is left out of views about shoppers.
- Tables lie in `RECSYS_HOME/features/<view>/<until>.parquet`, ordered by key, with `manifest.json`: rows, hash, engine,
  versions, verdicts. Days that are new or changed (late events, erasure) are computed again, no others.
- Gates compare a build with the one before: rows, nulls, drift (PSI), and the log's unknown items and late events.
  Thresholds stand in `configs/features.toml`.
- Kinds: count; time (ms since 1970, UTC); duration (ms); days; money (the currency of the events); share (0 to 1);
  number; text. A missing quantity counts as one unit, a missing price as no money.

- 每个值只由切点(`until`)之前发生且已收到的事件得出;n 天窗口为切点前的 n × 24 小时;时间与时长为毫秒或写明天数。
"""


def features_page(views: Mapping[str, FeatureView] = VIEWS) -> str:
    """The page as Markdown."""
    return "\n".join([_HEAD, *(line for view in views.values() for line in _section(view))]).rstrip() + "\n"


def _section(view: FeatureView) -> Iterator[str]:
    window = "the whole log" if view.window_days is None else f"{view.window_days} days"
    yield f"## {view.name}"
    yield f"{view.en}  \n{view.zh}\n"
    yield (
        f"Entity {view.entity} (`{'`, `'.join(view.keys)}`) · window {window} · valid for {view.ttl_days} days · "
        f"owner {view.owner} · version {view.version}\n"
    )
    yield "| feature | kind | meaning | 含义 | null when |"
    yield "|---|---|---|---|---|"
    for feature in view.features:
        yield f"| `{feature.name}` | {feature.kind} | {feature.en} | {feature.zh} | {feature.null} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(features_page())
