"""Releases and jobs over HTTP."""

from typing import Any

from feature_store.online.contract import JobState


def test_releases_are_listed_with_their_figures(api: Any) -> None:
    body = api.call("GET", "/v1/releases", "marketer").json()
    assert body["live"] == api.made.release_id
    assert body["refused"] == {}
    (release,) = body["releases"]
    assert release["release_id"] == api.made.release_id
    assert (release["live"], release["previous"], release["loaded"]) == (True, False, True)
    assert release["metrics"] == {"ndcg@20": 0.5}
    assert release["bytes"] > 10_000


def test_a_promotion_is_a_job_that_can_be_followed(api: Any, online: Any) -> None:
    release_id = "00112233aabbccdd"
    answer = api.call("POST", f"/v1/releases/{release_id}/promote", "engineer")
    assert answer.status_code == 202
    path = f"/v1/jobs/{answer.json()['job_id']}"
    queued = api.call("GET", path, "engineer").json()
    assert (queued["verb"], queued["state"]) == ("promote", "queued")
    assert queued["arguments"] == {"release_id": release_id}
    job = online.claim_job()
    assert api.call("GET", path, "engineer").json()["state"] == "running"
    online.finish_job(job, JobState.FAILED, "the gate refused it")
    done = api.call("GET", path, "marketer").json()
    assert (done["state"], done["detail"]) == ("failed", "the gate refused it")
    assert done["created_at"] <= done["updated_at"]


def test_only_what_is_live_and_has_a_past_is_rolled_back(open_api: Any, other_made: Any) -> None:
    api = open_api()
    path = f"/v1/releases/{api.made.release_id}/rollback"
    assert api.call("POST", path, "engineer").json()["code"] == "conflict"
    store = api.resources.stores.online
    store.set_live_release(other_made.release_id, 2)
    store.set_live_release(api.made.release_id, 3)
    assert api.call("POST", path, "engineer").status_code == 202
    job = store.claim_job()
    assert (job.verb, job.arguments) == ("rollback", {"release_id": api.made.release_id})
    stranger = api.call("POST", "/v1/releases/00112233aabbccdd/rollback", "engineer")
    assert stranger.status_code == 409


def test_what_is_no_release_id_is_refused(api: Any) -> None:
    assert api.call("POST", "/v1/releases/latest/promote", "engineer").status_code == 422
