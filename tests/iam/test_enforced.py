"""The task roles under the emulator's enforcement: what the code calls passes, everything else is refused.

The emulator looks at actions everywhere and at resources in SQS and S3. Conditions and the policies of resources are
`test_judged`'s.
"""

from __future__ import annotations

import pytest

from tests.iam.enforcement import REFUSED, Verdicts
from thoth_infra.contract.calls import By, calls
from thoth_infra.contract.services import SERVICES, Service

pytestmark = [pytest.mark.slow, pytest.mark.terraform, pytest.mark.xdist_group("iam")]

each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


@each_service
def test_every_call_of_the_code_passes(verdicts: Verdicts, service: Service) -> None:
    found = verdicts.allowed[service.name]
    assert len(found) == len([call for call in calls(service) if call.by is By.CODE]) >= 5
    assert [str(verdict) for verdict in found if verdict.code] == []


@each_service
def test_every_other_request_is_refused_by_name(verdicts: Verdicts, service: Service) -> None:
    found = verdicts.forbidden[service.name]
    assert len({str(verdict.attempt) for verdict in found}) >= 40
    assert [str(verdict) for verdict in found if not verdict.refused] == []


def test_it_is_the_policies_that_refuse(verdicts: Verdicts) -> None:
    """A role that may do everything is refused nothing: no attempt fails for another reason than its role."""
    assert len(verdicts.control) >= 200
    unreal = REFUSED | {"EmulatorNotImplemented"}
    assert [str(verdict) for verdict in verdicts.control if verdict.code in unreal] == []
