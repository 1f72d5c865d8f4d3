"""Every JSON route holds what its OpenAPI says, whatever is sent: schemathesis makes the requests up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.access import accounts
from tests import fake_worker
from tests.app.helpers import Live, serving

EXAMPLES = 6  # requests made up for each route and each way: as described, and not
HELD = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("openapi")) as server:
        fake_worker.generate(server.store, {"prompts": 8, "quota": 40, "overlap": 40})
        yield server


def held_to_its_description(
    live: Live, operation: schemathesis.APIOperation, mode: GenerationMode, token: str
) -> None:
    """Sends requests that the description allows, or such as it does not, and holds the answers to it."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=live.url, headers={"Authorization": f"Bearer {token}"}, checks=HELD)

    holds()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_route_is_as_described(live: Live, mode: GenerationMode, subtests) -> None:
    token = accounts.create_token(live.store, "op", "op", role="operator")
    with live.client() as script:
        description = script.get("/api/openapi.json", headers={"Authorization": f"Bearer {token}"}).json()
    operations = [found.ok() for found in schemathesis.openapi.from_dict(description).get_all_operations()]
    assert len(operations) >= 20
    for operation in operations:
        with subtests.test(route=operation.label):
            held_to_its_description(live, operation, mode, token)
