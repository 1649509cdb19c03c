"""Least privilege of identity policies: exact actions, exact resources, known managed policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from thoth_infra.review.policy.findings import Finding
from thoth_infra.review.policy.plan import Plan
from thoth_infra.review.policy.statements import Kind, Statement, statements

ACTIONS: Final = "no-wildcard-action"
RESOURCES: Final = "no-wildcard-resource"
MANAGED: Final = "known-managed-policy"

# Actions that IAM's service authorization reference lists without a resource type: `*` is all they take.
_WITHOUT_RESOURCE: Final = frozenset(
    {
        "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies",
        "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeScalingActivities",
        "cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:GetMetricWidgetImage",
        "cloudwatch:ListMetrics", "cloudwatch:PutMetricData",
        "codedeploy:BatchGetDeploymentTargets", "codedeploy:ListDeploymentTargets", "codedeploy:StopDeployment",
        "ec2:DescribeInstances", "ec2:DescribeRouteTables", "ec2:DescribeVpcPeeringConnections", "ec2:DescribeVpcs",
        "ecr:GetAuthorizationToken",
        "ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition", "ecs:DiscoverPollEndpoint",
        "ecs:ListTaskDefinitions", "ecs:RegisterTaskDefinition",
        "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
        "logs:DescribeLogGroups", "logs:DescribeQueryDefinitions",
        "route53:ListHostedZones", "route53:ListHostedZonesByName", "sts:GetCallerIdentity",
        "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
    }
)  # fmt: skip
# CloudWatch shows composite alarms only to who may read all: their rules may name any alarm. Of a service's tasks ECS
# is asked without any resource; the condition on the cluster bounds it.
_ONLY_USEFUL_ON_ALL: Final = frozenset({"cloudwatch:DescribeAlarms", "ecs:ListTasks"})

# AWS's own policies, which hold wildcards that we don't see: each is here because AWS's service wants it.
_MANAGED: Final[Mapping[str, str]] = {
    "AWSCodeDeployRoleForECS": "CodeDeploy shifts the api's traffic",
    "AmazonSSMManagedInstanceCore": "Session Manager instead of SSH on GPU hosts",
    "CloudWatchReadOnlyAccess": "bounds what the Slack channel may show",
    "PowerUserAccess": "a workflow applies the tree, whatever it holds; contents, other environments and the workflows'"
    " own roles are denied beside it",
    "ReadOnlyAccess": "a pull request's plan reads every resource; contents are denied beside it",
    "service-role/AWSBackupServiceRolePolicyForBackup": "AWS Backup copies the file system and the database",
    "service-role/AmazonEC2ContainerServiceforEC2Role": "the ECS agent of GPU hosts",
    "service-role/AmazonRDSEnhancedMonitoringRole": "RDS writes its host metrics",
}


def _granted(plan: Plan) -> Iterator[Statement]:
    return (s for s in statements(plan) if s.kind is Kind.IDENTITY and s.allow)


def actions(plan: Plan) -> Iterator[Finding]:
    """Yield identity statements that allow a family of actions, or all but some."""
    for statement in _granted(plan):
        if statement.inverted:
            wrong = f"{statement.place} allows everything but what it names"
            yield Finding(ACTIONS, statement.address, wrong, "name what is allowed, not what isn't")
        if wide := [action for action in statement.actions if "*" in action or "?" in action]:
            wrong = f"{statement.place} allows {', '.join(wide)}"
            yield Finding(ACTIONS, statement.address, wrong, "name each action that is called")


def resources(plan: Plan) -> Iterator[Finding]:
    """Yield identity statements that allow an action on every resource, although it knows resources."""
    for statement in _granted(plan):
        if not any(_is_everything(arn) for arn in statement.resources):
            continue
        if wide := [a for a in statement.actions if a not in _WITHOUT_RESOURCE | _ONLY_USEFUL_ON_ALL]:
            wrong = f"{statement.place} allows {', '.join(wide)} on every resource"
            yield Finding(RESOURCES, statement.address, wrong, "name the resources by ARN")


def _is_everything(arn: str) -> bool:
    """Return whether an ARN means every resource of a service: its account and resource are wildcards."""
    parts = arn.split(":", 5)
    return arn == "*" or (len(parts) == 6 and parts[5] == "*")


def managed_policies(plan: Plan) -> Iterator[Finding]:
    """Yield attachments of managed policies that nobody has judged."""
    for attachment in plan.of("aws_iam_role_policy_attachment"):
        arn = attachment.get("policy_arn")
        if not arn or ":iam::aws:policy/" not in arn:
            continue  # one of our own, whose statements are read
        name = arn.partition(":policy/")[2]
        if name not in _MANAGED:
            wrong = f"attaches AWS's policy {name}, whose wildcards nobody has judged"
            right = "write the statements out, or give the reason in thoth_infra/review/policy/rules/identity.py"
            yield Finding(MANAGED, attachment.address, wrong, right)
