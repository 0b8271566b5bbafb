"""What a training run leaves in MLflow."""

import pytest

from recsys.release import read_manifest
from training.config import flatten
from training.resources import Shop
from training.tracking import connect

pytestmark = pytest.mark.xdist_group("training")


def test_nested_tables_become_dotted_names() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": [2]}, "e": None}) == {"a.b.c": 1, "a.d": [2], "e": None}


def test_a_run_holds_parameters_figures_plots_card_and_the_release(trained_shop: Shop) -> None:
    client = connect(trained_shop.settings.home)
    (run,) = client.search_runs([client.get_experiment_by_name("recsys").experiment_id])
    manifest = read_manifest(trained_shop.release_folder(None))
    assert run.data.tags["release_id"] == manifest.release_id
    assert run.data.tags["code_version"] == manifest.code_version
    assert run.data.params["model.als.embedding_size"] == "8"
    assert run.data.params["data.hash"] == manifest.data["hash"]
    figures = manifest.metrics["systems"]
    for name, value in {
        "ndcg_at_20": figures["release"]["all"]["ndcg@20"]["mean"],
        "recall_at_10.new": figures["release"]["new"]["recall@10"]["mean"],
        "coverage_at_20": figures["release"]["all"]["coverage@20"],
        "recent popularity.mrr_at_20": figures["recent popularity"]["all"]["mrr@20"]["mean"],
        "ALS defaults seen excluded.hr_at_20": figures["ALS defaults, seen excluded"]["all"]["hr@20"]["mean"],
    }.items():
        assert run.data.metrics[name] == pytest.approx(value), name
    assert {"seconds", "peak_memory_mib"} <= set(run.data.metrics)
    ranker = {
        name: run.data.metrics[f"ranker.{name}"] for name in ("questions", "ndcg_at_20", "ndcg_at_20.rule")
    }
    assert ranker["questions"] >= 200
    assert 0 < ranker["ndcg_at_20.rule"] <= ranker["ndcg_at_20"] <= 1
    assert {item.path for item in client.list_artifacts(run.info.run_id, "report")} == {
        "report/contributions.png",
        "report/importance.csv",
        "report/importance.png",
        "report/model_card.md",
        "report/slices.png",
        "report/steps.json",
        "report/systems.png",
    }
    assert "release/manifest.json" in {
        item.path for item in client.list_artifacts(run.info.run_id, "release")
    }


def test_the_registered_version_carries_card_and_release_id(trained_shop: Shop) -> None:
    client = connect(trained_shop.settings.home)
    version = client.get_model_version_by_alias("recsys", "champion")
    assert version.tags["release_id"] == trained_shop.live().release_id
    assert "# Model card" in version.description
