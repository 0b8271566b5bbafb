"""From the service's values to the wire: plain dicts, written by orjson.

The wire names stand here and in `serving.schemas`, which documents them; a test compares the two.
"""

from collections.abc import Sequence
from dataclasses import asdict
from time import perf_counter
from typing import Any, Final

import orjson
from fastapi import Response

from feature_store.online.contract import JobStatus, Written
from feature_store.records.codec import item_to_dict, user_to_dict
from feature_store.records.times import to_rfc3339
from recsys.release import Manifest
from recsys.types import Item, User
from serving.control.scenarios import Scenario
from serving.lists.item_view import title_in
from serving.lists.listings import Because, Listing, Placed, Shown
from serving.lists.scenario_page import FilledShelf, Hall
from serving.live.release_board import Overview

__all__ = [
    "hall_answer",
    "halls_answer",
    "item_answer",
    "job_answer",
    "json_answer",
    "json_bytes",
    "listing_answer",
    "releases_answer",
    "user_answer",
    "written_answer",
]

Json = dict[str, Any]
_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def json_bytes(body: object) -> bytes:
    """An answer as JSON."""
    return orjson.dumps(body, option=_OPTIONS)


def json_answer(body: object, status: int = 200) -> Response:
    """A JSON response; shoppers' answers are never kept by caches on the way."""
    return Response(json_bytes(body), status, {"Cache-Control": "no-store"}, "application/json")


def listing_answer(listing: Listing, started: float) -> Json:
    """One list; `started` is the `perf_counter` of its beginning."""
    answer = {
        "recomm_id": listing.recomm_id,
        "slot": listing.ask.slot,
        "items": _items(listing.items),
        "fallback_used": listing.fallback_used,
        **_origin(listing),
    }
    if listing.ask.why_not is not None:
        answer["why_not"] = listing.why_not
    if listing.sources is not None:
        answer["sources"] = {name: trace._asdict() for name, trace in listing.sources.items()}
    answer["took_ms"] = _since(started)
    return answer


def halls_answer(halls: tuple[Scenario, ...], language: str | None, *, private: bool) -> Json:
    """Which halls there are for a shopper; `private` tells whom each is for."""
    return {"scenarios": [_hall_head(hall, language, private) for hall in halls]}


def hall_answer(hall: Hall, started: float, *, private: bool) -> Json:
    """One hall with its shelves; `private` tells whom it is for."""
    listing = hall.listing
    language = listing.ask.language
    return {
        "recomm_id": listing.recomm_id,
        **_hall_head(hall.scenario, language, private),
        "shelves": [_shelf(filled, language) for filled in hall.shelves],
        "fallback_used": listing.fallback_used,
        **_origin(listing),
        "took_ms": _since(started),
    }


def item_answer(item: Item) -> Json:
    """An item as stored, with times as text."""
    answer = _with_times(item_to_dict(item), "created_at", "updated_at")
    for offer in answer.get("offers", ()):
        if "promo" in offer:
            offer["promo"] = _with_times(offer["promo"], "start", "end")
    return answer


def user_answer(user: User) -> Json:
    """A shopper as stored, every purpose of consent spelt out."""
    answer = {"attributes": {}, **user_to_dict(user), "consent": asdict(user.consent)}
    return _with_times(answer, "updated_at")


def job_answer(job: JobStatus) -> Json:
    """A job and how far it is."""
    return _with_times({**asdict(job), "state": job.state.value}, "created_at", "updated_at")


def written_answer(thing_id: str, written: Written) -> Json:
    """What became of one item or shopper."""
    return {"id": thing_id, "status": written.value}


def releases_answer(overview: Overview) -> Json:
    """Every release, newest first."""
    pointer = overview.pointer
    return {
        "releases": [_release(manifest, overview) for manifest in overview.manifests],
        "live": None if pointer is None else pointer.release_id,
        "previous": None if pointer is None else pointer.previous,
        "refused": overview.refused,
    }


def _release(manifest: Manifest, overview: Overview) -> Json:
    pointer = overview.pointer
    return {
        "release_id": manifest.release_id,
        "created_at": to_rfc3339(manifest.created_at),
        "live": pointer is not None and pointer.release_id == manifest.release_id,
        "previous": pointer is not None and pointer.previous == manifest.release_id,
        "loaded": manifest.release_id in overview.loaded,
        "code_version": manifest.code_version,
        "bytes": sum(entry.bytes for entry in manifest.files.values()),
        "data": manifest.data,
        "metrics": manifest.metrics,
        "slices": manifest.slices,
    }


def _origin(listing: Listing) -> Json:
    """What an answer was made from, and without what."""
    release = listing.release
    created_at = release.manifest.created_at
    return {
        "degraded": listing.degraded,
        "notices": listing.notices,
        "experiment": None,
        "model": {"name": release.name, "version": release.release_id},
        "freshness": {
            "release_id": release.release_id,
            "release_age_s": max(0, listing.at - created_at) / 1000,
            "events_lag_ms": listing.events_lag_ms,
            "rules_version": None,
        },
    }


def _items(placed: Sequence[Placed]) -> orjson.Fragment:
    """Items as JSON: most of each was written for a list before, and is kept with what it says."""
    scores = json_bytes([each.score for each in placed])[1:-1].split(b",")
    rows = [
        b'%b%b,"score":%b,"position":%d%b}'
        % (
            each.shown.wire or _write_shown(each.shown),
            each.because.wire or _write_because(each.because),
            score,
            each.position,
            b"" if each.trace is None else b',"trace":' + json_bytes(each.trace),
        )
        for each, score in zip(placed, scores, strict=False)
    ]
    return orjson.Fragment(b"[" + b",".join(rows) + b"]")


def _write_shown(shown: Shown) -> bytes:
    """The beginning of an item, up to the value of its reason."""
    row = {"item_id": shown.item_id, "sku": shown.sku, "attributes": shown.attributes}
    shown.wire = json_bytes(row)[:-1] + b',"reason":'
    return shown.wire


def _write_because(because: Because) -> bytes:
    said = {"code": because.code, "text": because.text, "source_item_id": because.source_item_id}
    # Put together anew, as above: what orjson returns keeps its buffer of kilobytes for as long as it lives.
    because.wire = json_bytes(said)[:-1] + b"}"
    return because.wire


def _hall_head(hall: Scenario, language: str | None, private: bool) -> Json:
    return {
        "slug": hall.slug,
        "title": title_in(hall.title, language),
        "copy": title_in(hall.body, language),
        "audience": hall.audience if private else None,
    }


def _shelf(filled: FilledShelf, language: str | None) -> Json:
    return {
        "name": title_in(filled.shelf.name, language),
        "strategy": filled.shelf.strategy.value,
        "items": _items(filled.items),
    }


def _with_times(answer: Json, *names: str) -> Json:
    """The answer with ms since the epoch as RFC 3339."""
    return {**answer, **{name: to_rfc3339(answer[name]) for name in names if answer.get(name) is not None}}


def _since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 3)
