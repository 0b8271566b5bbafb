"""Whatever the description lets a client send, the service answers as described and never with a 500."""

import warnings
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
GENTLY = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def described(api: Any) -> Any:
    async def running(scope: Any, receive: Any, send: Any) -> None:
        """The application of the other tests, which is started already."""
        if scope["type"] != "lifespan":
            await api.client.app(scope, receive, send)
            await api.resources.stores.reads.close()  # each call has an event loop of its own here
            return
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return schemathesis.openapi.from_asgi("/openapi.json", running)


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_no_input_is_answered_otherwise_than_described(
    described: Any, api: Any, subtests: pytest.Subtests, mode: Any
) -> None:
    for found in described.get_all_operations():
        operation = found.ok()

        @GENTLY
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            for key in ("admin", "browser"):
                headers = {"Authorization": f"Bearer {api.keys[key]}"}
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    answer = case.call(headers=headers)
                case.validate_response(answer, checks=CHECKS)

        # A route that takes nothing cannot be given anything wrong.
        with subtests.test(operation.label), suppress(Unsatisfiable):
            check()
