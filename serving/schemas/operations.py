"""Wire shapes of running the service: releases, jobs, health, problems."""

from typing import Any, Literal

from pydantic import Field

from serving.schemas.base import Answer

__all__ = ["Health", "Job", "JobAccepted", "Problem", "Readiness", "Release", "Releases"]


class Release(Answer):
    """One stored release."""

    release_id: str = Field(examples=["3f9c1a7be0d24c55"])
    created_at: str = Field(examples=["2026-11-22T01:30:00.000Z"])
    live: bool = Field(examples=[True])
    """Whether the pointer names it."""
    previous: bool = Field(examples=[False])
    """Whether a rollback would bring it back."""
    loaded: bool = Field(examples=[True])
    """Whether the process that answers has it in memory."""
    code_version: str = Field(examples=["0.1.0"])
    bytes: int = Field(examples=[48210944])
    data: dict[str, Any] = Field(examples=[{"until": "2017-12-31"}])
    """Range and hash of the events it learned from."""
    metrics: dict[str, Any] = Field(examples=[{"ndcg@20": 0.334}])
    slices: dict[str, Any] = Field(examples=[{}])


class Releases(Answer):
    """All stored releases, newest first."""

    releases: list[Release]
    live: str | None = Field(examples=["3f9c1a7be0d24c55"])
    previous: str | None = Field(examples=[None])
    refused: dict[str, str] = Field(examples=[{}])
    """Reason by release id of those this process could not use."""


class JobAccepted(Answer):
    """A job that the training side will do; follow it at `/v1/jobs/{job_id}`."""

    job_id: str = Field(examples=["5f0c8b1e9d5a4a1e8c6a2f3b7d9e0a12"])


class Job(Answer):
    """A job and how far it is."""

    job_id: str = Field(examples=["5f0c8b1e9d5a4a1e8c6a2f3b7d9e0a12"])
    verb: str = Field(examples=["promote"])
    arguments: dict[str, Any] = Field(examples=[{"release_id": "3f9c1a7be0d24c55"}])
    by: str = Field(examples=["a1b2c3d4e5f6"])
    """The key that asked for it."""
    state: Literal["queued", "running", "done", "failed"] = Field(examples=["queued"])
    attempt: int = Field(examples=[1])
    created_at: str = Field(examples=["2026-11-22T01:30:00.000Z"])
    updated_at: str = Field(examples=["2026-11-22T01:30:02.000Z"])
    detail: str = Field(examples=[""])
    """The result, or what went wrong."""


class Health(Answer):
    """The process runs."""

    status: Literal["live"] = Field(examples=["live"])


class Readiness(Answer):
    """A release is loaded and warm."""

    status: Literal["ready"] = Field(examples=["ready"])
    release_id: str = Field(examples=["3f9c1a7be0d24c55"])


class FieldMistake(Answer):
    """One mistake."""

    field: str = Field(examples=["item_id"])
    message: str = Field(examples=["unknown field"])
    nearest: str | None = Field(examples=["item_ids"])
    """The known name that was perhaps meant."""


class Problem(Answer):
    """A refusal (RFC 9457). Switch on `code`; the words may change."""

    type: str = Field(examples=["urn:recsys:problem:invalid_request"])
    title: str = Field(examples=["The request is wrong"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["item_id: unknown field; did you mean 'item_ids'?"])
    code: str = Field(examples=["invalid_request"])
    request_id: str = Field(examples=["019ab2f4-5d0e-7cc3-9f25-6a1f0e8b7d11"])
    errors: list[FieldMistake] | None = Field(default=None)
    position: int | None = Field(default=None, examples=[17])
    """Of the mistake in a filter, counted from 0."""
