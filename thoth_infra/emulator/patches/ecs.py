"""ECS: what a service remembers of its request, and what is left of a deleted cluster."""

from __future__ import annotations

from typing import Any

from moto.ecs.models import EC2ContainerServiceBackend as Backend
from moto.ecs.responses import EC2ContainerServiceResponse as Response

from thoth_infra.emulator.patches.registry import ignores, patch, wrap

_FIELDS = (
    "availabilityZoneRebalancing",
    "capacityProviderStrategy",
    "deploymentConfiguration",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "placementConstraints",
    "placementStrategy",
    "serviceConnectConfiguration",
    "volumeConfigurations",
)
_DEPLOYMENT_FIELDS = ("capacityProviderStrategy", "serviceConnectConfiguration", "volumeConfigurations")


@patch("ecs", needed=ignores(Response.create_service, "capacityProviderStrategy", "deploymentConfiguration"))
def service_fields() -> None:
    """moto drops most fields of CreateService and answers launchType=EC2, which forces a replacement."""

    @wrap(Response, "create_service", "update_service")
    def keep_fields(original: Any, self: Any) -> Any:
        asked = self._get_params()
        answer = original(self)
        service = answer.result["service"]
        for field in _FIELDS:
            if asked.get(field) is not None:
                setattr(service, field, asked[field])
        for deployment in service.deployments:
            deployment.update({field: asked[field] for field in _DEPLOYMENT_FIELDS if asked.get(field)})
        if asked.get("capacityProviderStrategy"):
            _without_launch_type(service)
        return answer


def _without_launch_type(service: Any) -> None:
    service.launch_type = None
    for deployment in service.deployments:
        deployment["launchType"] = None


@patch("ecs", needed=ignores(Backend.list_clusters, "status"))
def deleted_unlisted() -> None:
    """moto lists deleted clusters and services for ever; after a destroy nothing may be left."""

    @wrap(Backend, "list_clusters")
    def list_clusters(original: Any, self: Any) -> list[str]:
        return _without_inactive(original(self), self.clusters)

    @wrap(Backend, "list_services")
    def list_services(original: Any, self: Any, *args: Any, **kwargs: Any) -> list[str]:
        return _without_inactive(original(self, *args, **kwargs), self.services)


def _without_inactive(arns: list[str], known: dict[str, Any]) -> list[str]:
    gone = {one.arn for one in known.values() if one.status == "INACTIVE"}
    return [arn for arn in arns if arn not in gone]


@patch("ecs", needed=ignores(Backend.describe_capacity_providers, "capacity_providers"))
def capacity_providers_without_names() -> None:
    """DescribeCapacityProviders without names means all of them; moto fails."""

    @wrap(Backend, "describe_capacity_providers")
    def describe_capacity_providers(original: Any, self: Any, names: list[str] | None) -> Any:
        return original(self, list(self.capacity_providers) if names is None else names)
