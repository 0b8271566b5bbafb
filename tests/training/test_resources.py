"""The composition root of the training verbs."""

from pathlib import Path

import pytest

from feature_store.settings import StoreSettings
from training.config import TrainingConfig
from training.errors import UnknownReleaseError
from training.resources import Shop, open_shop

pytestmark = pytest.mark.xdist_group("training")


def test_asking_what_is_live_starts_no_store(trained_home: Path, small_config: TrainingConfig) -> None:
    with open_shop(StoreSettings(home=trained_home, redis_url=None), small_config) as shop:
        assert shop.live() is not None
        assert "online" not in vars(shop)
        assert "publisher" not in vars(shop)


def test_a_release_that_is_not_here_comes_from_the_online_store(
    trained_shop: Shop, small_config: TrainingConfig, tmp_path: Path
) -> None:
    """Another machine with an empty home and the same Redis."""
    live = trained_shop.publisher.live()
    url = f"unix://{trained_shop.settings.valkey_folder / 'valkey.sock'}"
    elsewhere = Shop(StoreSettings(home=tmp_path, redis_url=url), small_config)
    assert elsewhere.live() == live
    folder = elsewhere.release_folder(None)
    assert folder == tmp_path / "releases" / live.release_id
    assert elsewhere.releases.known() == [live.release_id]


def test_without_a_live_release_the_next_command_is_named(home: Path, small_config: TrainingConfig) -> None:
    shop = Shop(StoreSettings(home=home, redis_url=None), small_config)
    with pytest.raises(UnknownReleaseError, match="recsys train"):
        shop.release_folder(None)


def test_an_empty_home_fails_its_checks_by_name(home: Path, small_config: TrainingConfig) -> None:
    shop = Shop(StoreSettings(home=home, redis_url=None), small_config)
    assert shop.failed_checks() == ["events_present: 1 of 1"]


def test_the_log_is_read_once(trained_shop: Shop) -> None:
    assert trained_shop.dataset() is trained_shop.dataset()
    assert trained_shop.dataset(1) is not trained_shop.dataset()
