"""What the shared account and the world see: images, their flaws, certificate, name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, cast

from thoth_infra.aws.clients import Clients
from thoth_infra.aws.deploy.images import Wanted, resolve
from thoth_infra.config.workers import ImageName
from thoth_infra.review.doctor.account import age
from thoth_infra.review.doctor.context import Context, SharedClients
from thoth_infra.review.doctor.findings import Answer, fail, ok, skipped, some, warn
from thoth_infra.review.doctor.registry import check

# ACM renews sixty days ahead.
RENEWAL: Final = timedelta(days=30)


@check("shared-role", "account", needs=("account",), actions=("sts:AssumeRole",), environments_only=True)
def shared_role(context: Context) -> Answer:
    """The role in the shared account can be assumed; images and names are looked at with it."""
    env = context.env
    role = f"arn:aws:iam::{env.accounts.shared}:role/{env.identity.shared_role}"
    if env.images.registry == "own" and not (env.domain and env.domain.zone_account == "shared"):
        context.facts["shared"] = context.clients
        return skipped("nothing of the shared account is used")
    from botocore.exceptions import ClientError

    try:
        found = context.clients("sts").assume_role(RoleArn=role, RoleSessionName="thoth-doctor")["Credentials"]
    except ClientError as error:
        said = error.response["Error"]
        return fail(
            f"{role} can't be assumed: {said['Code']}",
            "apply the shared account's side: thoth-infra apply --env shared",
        )
    variables = {
        **context.variables,
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["SessionToken"],
    }
    context.facts["shared"] = SharedClients(Clients(variables, env.region))
    return ok(role)


def _registry(context: Context) -> Any:
    return context.shared if context.env.images.registry == "shared" else context.clients


def _images(context: Context) -> dict[str, Wanted]:
    env, services = context.env, context.env.services.by_name()
    names = dict.fromkeys(s.image for s in env.running if services[s.name].image is None)
    return {
        name: Wanted(
            env.ecr_account,
            env.region,
            env.repository(name),
            env.images.tag,
            env.images.digests.get(cast(ImageName, name)),
        )
        for name in names
    }


@check("images", "account", needs=("shared-role",), actions=("ecr:BatchGetImage",), environments_only=True)
def images(context: Context) -> Answer:
    """The registry has every image that runs, by the digest that is locked."""
    clients, wanted = cast(Clients, _registry(context)), _images(context)
    missing = [image.name for image in wanted.values() if resolve(clients, image) is None]
    if missing:
        return fail(
            f"account {context.env.ecr_account} has no {some(missing)}",
            f"thoth-infra images push --env {context.name}",
        )
    return ok(f"{len(wanted)} images in account {context.env.ecr_account}")


@check(
    "image-findings", "account", needs=("images",), actions=("ecr:DescribeImageScanFindings",), environments_only=True
)
def image_findings(context: Context) -> Answer:
    """The registry's scan has found nothing critical in the images."""
    from botocore.exceptions import ClientError

    ecr = _registry(context)("ecr")
    critical, unknown = {}, []
    for name, image in _images(context).items():
        which = {"imageDigest": image.digest} if image.digest else {"imageTag": image.tag}
        try:
            found = ecr.describe_image_scan_findings(
                registryId=image.account, repositoryName=image.repository, imageId=which
            )
        except ecr.exceptions.ScanNotFoundException:
            unknown.append(name)
            continue
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException" or context.env.images.registry != "shared":
                raise
            # Its role lets the environments pull, and no more.
            return Answer("skipped", "the shared account's role may not see scans", _ask_there(context, image))
        if count := found.get("imageScanFindings", {}).get("findingSeverityCounts", {}).get("CRITICAL", 0):
            critical[name] = count
    if critical:
        said = some(f"{name} {count}" for name, count in critical.items())
        return warn(f"critical vulnerabilities: {said}", f"make lock; thoth-infra images push --env {context.name}")
    if unknown:
        return warn(
            f"not scanned: {some(unknown)}",
            f"aws ecr start-image-scan --registry-id {context.env.ecr_account} --region {context.env.region}"
            f" --repository-name {context.env.repository(unknown[0])} --image-id imageTag={context.env.images.tag}"
            f" --profile {context.env.identity.shared_profile}",
        )
    return ok("nothing critical")


def _ask_there(context: Context, image: Wanted) -> str:
    which = f"imageDigest={image.digest}" if image.digest else f"imageTag={image.tag}"
    return (
        f"aws ecr describe-image-scan-findings --repository-name {image.repository} --image-id {which}"
        f" --query imageScanFindings.findingSeverityCounts --region {image.region}"
        f" --profile {context.env.identity.shared_profile}"
    )


def _balancer(context: Context) -> dict[str, Any] | None:
    elb = context.clients("elbv2")
    try:
        return dict(elb.describe_load_balancers(Names=[context.env.prefix])["LoadBalancers"][0])
    except elb.exceptions.LoadBalancerNotFoundException:
        return None


_NO_DOMAIN: Final = "it has no domain of its own"
_LISTEN: Final = ("elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeListeners")


@check("certificate", "estate", actions=(*_LISTEN, "acm:DescribeCertificate"))
def certificate(context: Context) -> Answer:
    """The load balancer's certificate is issued, covers the name and is renewed in time."""
    domain, balancer = context.env.domain, _balancer(context)
    if domain is None:
        return skipped(_NO_DOMAIN)
    if balancer is None:
        return fail(f"there is no load balancer {context.env.prefix}", context.thoth("apply"))
    listeners = context.clients("elbv2").describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    arns = [
        row["Certificates"][0]["CertificateArn"] for row in listeners if row["Port"] == 443 and row.get("Certificates")
    ]
    if not arns:
        return fail("nothing listens with TLS", context.thoth("apply"))
    found = context.clients("acm").describe_certificate(CertificateArn=arns[0])["Certificate"]
    look = context.aws(f"acm describe-certificate --certificate-arn {arns[0]}")
    if found["Status"] != "ISSUED":
        return fail(f"it is {found['Status']}", look)
    names = {found["DomainName"], *found.get("SubjectAlternativeNames", ())}
    if not any(_covers(name, domain.name) for name in names):
        return fail(f"it is for {some(names)}, not for {domain.name}", context.thoth("apply"))
    left = -age(found["NotAfter"], context)
    if left < timedelta():
        return fail(f"it ended on {found['NotAfter']:%Y-%m-%d}", look)
    if left < RENEWAL:
        return warn(f"it ends in {left.days} days and was not renewed", look)
    return ok(f"for {domain.name}, until {found['NotAfter']:%Y-%m-%d}")


def _covers(pattern: str, name: str) -> bool:
    first, _, rest = name.partition(".")
    return pattern == name or (pattern.startswith("*.") and bool(first) and pattern[2:] == rest)


_ZONE: Final = ("route53:ListHostedZonesByName", "route53:ListResourceRecordSets")


@check("dns", "estate", needs=("shared-role",), actions=(*_LISTEN[:1], *_ZONE))
def dns(context: Context) -> Answer:
    """The zone is there and leads the name to the load balancer."""
    domain, balancer = context.env.domain, _balancer(context)
    if domain is None:
        return skipped(_NO_DOMAIN)
    if balancer is None:
        return fail(f"there is no load balancer {context.env.prefix}", context.thoth("apply"))
    route53 = (context.shared if domain.zone_account == "shared" else context.clients)("route53")
    zones = route53.list_hosted_zones_by_name(DNSName=domain.zone)["HostedZones"]
    zone = next((z for z in zones if z["Name"] == f"{domain.zone}." and not z["Config"]["PrivateZone"]), None)
    if zone is None:
        return fail(
            f"the {domain.zone_account} account has no public zone {domain.zone}",
            f"aws route53 create-hosted-zone --name {domain.zone} --caller-reference thoth"
            f" --profile {context.env.identity.shared_profile}",
        )
    records = route53.list_resource_record_sets(
        HostedZoneId=zone["Id"], StartRecordName=domain.name, StartRecordType="A", MaxItems="1"
    )["ResourceRecordSets"]
    alias = next(
        (r.get("AliasTarget", {}) for r in records if (r["Name"], r["Type"]) == (f"{domain.name}.", "A")), None
    )
    if alias is None:
        return fail(f"{domain.zone} has no record {domain.name}", context.thoth("apply"))
    target = str(alias.get("DNSName", "an address")).rstrip(".").removeprefix("dualstack.")
    if target.lower() != balancer["DNSName"].lower():
        return fail(f"{domain.name} leads to {target}, not to {balancer['DNSName']}", context.thoth("apply"))
    return ok(f"{domain.name} leads to {target}")


@check("dns-resolution", "estate", needs=("dns",), actions=_LISTEN[:1])
def dns_resolution(context: Context) -> Answer:
    """The world follows: the name resolves to the load balancer's addresses."""
    domain, balancer = context.env.domain, _balancer(context)
    if domain is None or balancer is None:
        return skipped(_NO_DOMAIN)
    if context.settings.emulated:
        return skipped("no resolver knows the emulator's names")
    here, there = context.settings.resolve(domain.name), context.settings.resolve(balancer["DNSName"])
    if not here:
        return fail(
            f"{domain.name} does not resolve",
            f"dig +trace {domain.name}   # the zone above must name {domain.zone}'s name servers",
        )
    if not here & there:
        return warn(
            f"{domain.name} resolves to {some(here)}, the load balancer to {some(there) or 'nothing'}",
            f"dig {domain.name}   # an older record is cached, or another zone answers",
        )
    return ok(f"{domain.name} resolves to the load balancer")
