"""What the templates see besides the environment: the contract, as HCL references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

from thoth_infra.config.catalogue import AGENT_RESERVE_MIB
from thoth_infra.config.environment import Environment
from thoth_infra.contract import metrics, network, scaling
from thoth_infra.contract.services import DATABASE_SECRET, IMAGES, Service
from thoth_infra.contract.variables import (
    BucketName,
    Constant,
    DatabaseField,
    MountPath,
    PublicUrl,
    QueueUrl,
    SecretArn,
    SecretField,
    Setting,
    Source,
)
from thoth_infra.render.hcl import Expression
from thoth_infra.render.permissions import DATABASE_SECRET_ARN, Statement, statements

GPU_HOSTS = "gpu-hosts"


@dataclass(frozen=True)
class ServiceView:
    """A service as the templates see it."""

    name: str
    references: dict[str, Expression]
    secrets: dict[str, Expression]
    secret_arns: tuple[Expression, ...]
    repository_arns: tuple[Expression, ...]
    statements: tuple[Statement, ...]

    @property
    def identifier(self) -> str:
        """The name as part of a Terraform address."""
        return self.name.replace("-", "_")

    @property
    def policy(self) -> Expression:
        """The JSON of the task role's policy."""
        return Expression(f"data.aws_iam_policy_document.task_{self.identifier}.json")


def context(env: Environment) -> dict[str, Any]:
    """Return the templates' variables that derive from the contract."""
    views = [_view(env, service) for service in env.running]
    parts = ("references", "secrets", "secret_arns", "repository_arns", "policy")
    return {
        "services": views,
        "by_service": {part: {view.name: getattr(view, part) for view in views} for part in parts},
        "images": list(IMAGES),
        "image_repository_arns": [_repository_arn(env, image) for image in IMAGES],
        "security_groups": _security_groups(env),
        "https_clients": Expression(f'toset(["{GPU_HOSTS}", {_names(env)}])'),
        "listener_ports": ["80", "443"] if env.domain else ["80"],
        "uses_shared_account": bool(env.network.peering or (env.domain and env.domain.zone_account == "shared")),
        "contract_alarms": _alarms(env),
        "namespace": metrics.NAMESPACE,
        "metric": {name: m.name for name, m in vars(metrics).items() if isinstance(m, metrics.Metric)},
        "scaling": {name: value for name, value in vars(scaling).items() if name.isupper()},
        "agent_reserve_mib": AGENT_RESERVE_MIB,
    }


def _names(env: Environment) -> str:
    return ", ".join(f'"{service.name}"' for service in env.running)


def _view(env: Environment, service: Service) -> ServiceView:
    references = {v.name: e for v in service.environment if (e := _reference(env, v.source)) is not None}
    secrets = {v.name: e for v in service.secrets if (e := _reference(env, v.source)) is not None}
    own = env.services.by_name()[service.name]
    arns = [Expression(_secret_arn(name)) for name in service.secret_names]
    if service.database:
        arns.append(Expression(_secret_arn(DATABASE_SECRET)))
    return ServiceView(
        name=service.name,
        references=dict(sorted(references.items())),
        secrets=dict(sorted(secrets.items())),
        secret_arns=tuple(arns),
        repository_arns=() if own.image else (_repository_arn(env, service.image),),
        statements=statements(env, service),
    )


def _repository_arn(env: Environment, image: str) -> Expression:
    account = "var.shared_account_id" if env.images.registry == "shared" else "var.account_id"
    repository = env.repository(image)
    return Expression(f'"arn:${{local.partition}}:ecr:${{var.region}}:${{{account}}}:repository/{repository}"')


def _reference(env: Environment, source: Source) -> Expression | None:
    """Return the HCL reference of a variable's source; None for a plain value, which travels by tfvars."""
    match source:
        case QueueUrl(queue, dead_letter):
            return Expression(f'aws_sqs_queue.{"dead_letter" if dead_letter else "this"}["{queue.name}"].url')
        case BucketName(bucket):
            return Expression(f'module.shared_storage.bucket_names["{bucket.name}"]')
        case DatabaseField("name"):
            return Expression("aws_db_instance.this.db_name")
        case DatabaseField("port"):
            return Expression("tostring(aws_db_instance.this.port)")
        case DatabaseField(field):
            return Expression(f"aws_db_instance.this.{field}")
        case SecretField(secret, field):
            return Expression(f'"${{{_secret_arn(secret)}}}:{field}::"')
        case SecretArn(secret):
            return Expression(_secret_arn(secret))
        case PublicUrl():
            return None if env.public_url else Expression('"http://${aws_lb.this.dns_name}"')
        case Setting() | Constant() | MountPath():
            return None
    assert_never(source)


def _secret_arn(secret: str) -> str:
    if secret == DATABASE_SECRET:
        return DATABASE_SECRET_ARN
    return f'aws_secretsmanager_secret.this["{secret}"].arn'


def _security_groups(env: Environment) -> dict[str, str]:
    groups = [
        (network.ALB, "Load balancer"),
        (network.FILES, "EFS mount targets"),
        (GPU_HOSTS, "GPU instances: ECS agent and Session Manager"),
    ]
    if any(service.database for service in env.running):
        groups.append((network.DATABASE, "RDS"))
    if env.network.interface_endpoints:
        groups.append((network.ENDPOINTS, "Interface endpoints"))
    return dict(sorted(groups + [(service.name, service.description) for service in env.running]))


def _alarms(env: Environment) -> dict[str, dict[str, Any]]:
    """Alarms on the workers' own metrics."""

    def alarm(
        service: str, metric: metrics.Metric, description: str, statistic: str, threshold: str, periods: int
    ) -> dict[str, Any]:
        return {
            "description": Expression(description),
            "namespace": metrics.NAMESPACE,
            "metric": metric.name,
            "dimensions": {"Environment": Expression("var.environment"), "Service": service},
            "statistic": statistic,
            "comparison": "GreaterThanThreshold",
            "threshold": Expression(threshold),
            "period": 300,
            "periods": periods,
            "missing": "notBreaching",
        }

    alarms = {}
    for service in env.running:
        if metrics.GPU_UTILIZATION in service.metrics:
            limit = "var.alarms.gpu_utilization_percent"
            text = f'"GPUs of {service.name} are busier than ${{{limit}}} %: capacity is short"'
            alarms[f"{service.name}-gpu-utilization"] = alarm(
                service.name, metrics.GPU_UTILIZATION, text, "Average", limit, periods=3
            )
        if metrics.REAL_TIME_FACTOR in service.metrics:
            limit = "var.alarms.processing_minutes"
            text = f'"A job takes longer than ${{{limit}}} minutes in {service.name}"'
            # A long job says so once, at its end: never in several periods in a row.
            alarms[f"{service.name}-processing-time"] = alarm(
                service.name, metrics.STAGE_SECONDS, text, "Maximum", f"{limit} * 60", periods=1
            )
    return alarms
