"""The calls in README and docs/api.md are calls the service takes: their bodies are read by its own models."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter

from recsys.expressions import parse
from recsys.pipeline import Pipeline
from serving.schemas.events import EventsRequest
from serving.schemas.items import ItemBody, ItemPatch, OffersRequest
from serving.schemas.recommendations import Recommendation, RecommendationRequest
from serving.schemas.users import MergeRequest, UserPatch

MODELS: dict[tuple[str, str], type[BaseModel]] = {
    ("POST", "recommendations"): RecommendationRequest,
    ("POST", "events"): EventsRequest,
    ("PUT", "items"): ItemBody,
    ("PATCH", "items"): ItemPatch,
    ("POST", "offers"): OffersRequest,
    ("PATCH", "users"): UserPatch,
    ("POST", "users"): MergeRequest,
}


def calls(root: Path) -> list[tuple[str, str, str]]:
    """(method, resource, body) of every call with a body."""
    text = "\n".join((root / name).read_text("utf-8") for name in ("README.md", "docs/api.md"))
    found = []
    for command in re.split(r"^\s*(?:ask|curl) ", text, flags=re.MULTILINE)[1:]:
        body = re.search(r"-d '(\{.*?\})'", command, flags=re.DOTALL)
        resource = re.search(r"/v1/(\w+)", command)
        if body and resource:
            method = re.search(r"-X (\w+)", command[: body.start()])
            found.append((method[1] if method else "POST", resource[1], body[1]))
    assert text.count("-d '{") == len(found)
    return found


def test_every_body_of_the_docs_is_taken_by_its_route(root: Path) -> None:
    seen = set()
    for method, resource, body in calls(root):
        MODELS[method, resource].model_validate_json(body)
        seen.add((method, resource))
    assert seen == set(MODELS)


def test_every_filter_of_the_docs_can_be_read(root: Path) -> None:
    asked = [
        RecommendationRequest.model_validate_json(body)
        for _, name, body in calls(root)
        if name == "recommendations"
    ]
    texts = [ask.filter for ask in asked if ask.filter] + [
        boost.filter for ask in asked for boost in ask.boost
    ]
    pages = (root / "README.md", *sorted((root / "docs").glob("*.md")))
    texts += [
        text for page in pages for text in re.findall(r"`(category under \"[^`]*)`", page.read_text("utf-8"))
    ]
    assert len(texts) >= 4
    for text in texts:
        parse(text)


def test_the_answer_of_the_docs_has_the_fields_of_an_answer(root: Path) -> None:
    page = (root / "docs" / "api.md").read_text("utf-8")
    (shown,) = re.findall(r"```json\n(\{\"recomm_id\".*?)```", page, flags=re.DOTALL)
    answer = TypeAdapter(dict[str, object]).validate_json(shown)
    assert set(answer) <= set(Recommendation.model_fields)


@pytest.mark.parametrize("field", ["personalization", "diversity", "seed", "explain", "why_not", "dry_run"])
def test_fields_that_the_guide_explains_exist(root: Path, field: str) -> None:
    assert f"| `{field}` |" in (root / "docs" / "api.md").read_text("utf-8")
    assert field in RecommendationRequest.model_fields


def test_the_story_of_a_request_names_the_stages_of_the_pipeline(root: Path) -> None:
    page = (root / "docs" / "architecture.md").read_text("utf-8")
    module = __import__(Pipeline.__module__, fromlist=["__doc__"]).__doc__ or ""
    stages = re.search(r"(sources → [a-z →]+)", module)
    assert stages is not None
    assert f"`{stages[1].strip()}`" in page
