"""The documentation page is the definitions' own; what they say is whole."""

import re
from pathlib import Path

from feature_store.views.daily import DAILY
from feature_store.views.page import features_page
from feature_store.views.standard import VIEWS

ROOT = Path(__file__).parents[3]


def test_the_page_is_as_the_views_say() -> None:
    written = (ROOT / "docs" / "features.md").read_text("utf-8")
    assert written == features_page(), "run: python -m feature_store.views.page > docs/features.md"


def test_every_view_and_feature_is_described_in_both_languages() -> None:
    for view in VIEWS.values():
        assert view.owner
        assert set(view.dailies) <= set(DAILY)
        names = [*view.keys, *(feature.name for feature in view.features)]
        assert len(names) == len(set(names)), view.name
        for described in (view, *view.features):
            assert re.search("[a-z]", described.en), described.name
            assert re.search("[一-鿿]", described.zh), described.name
