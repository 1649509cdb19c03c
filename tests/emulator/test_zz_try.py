from __future__ import annotations
import json, time
from typing import Any
import pytest
from tests.emulator.conftest import AsAccount

@pytest.fixture(autouse=True)
def fast(monkeypatch): monkeypatch.setenv("THOTH_EMULATOR_PACE", "500")

def push(aws, repo, tag, **annotations):
    ecr = aws("ecr")
    try: ecr.create_repository(repositoryName=repo)
    except ecr.exceptions.RepositoryAlreadyExistsException: pass
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {"mediaType":"application/vnd.oci.image.config.v1+json","size":1,"digest":"sha256:"+"0"*64}, "layers": [], "annotations": {f"thoth.emulator/{k.replace('_','-')}": v for k,v in annotations.items()} | {"tag": tag}}
    out = ecr.put_image(repositoryName=repo, imageManifest=json.dumps(manifest), imageTag=tag)
    return out["image"]["imageId"]["imageDigest"]

def wait(f, seconds=10):
    end = time.time()+seconds
    while time.time() < end:
        r = f()
        if r: return r
        time.sleep(0.02)
    raise AssertionError("not reached")

def test_rolling(aws, account):
    ecs = aws("ecs"); ecs.create_cluster(clusterName="c")
    base = f"{account}.dkr.ecr.us-east-1.amazonaws.com/thoth/api@"
    good, bad = push(aws, "thoth/api", "1"), push(aws, "thoth/api", "2", exit="1@5", says="boom")
    def reg(d): return ecs.register_task_definition(family="api", containerDefinitions=[{"name":"api","image":base+d,"memory":1, "healthCheck":{"command":["CMD","x"],"interval":10,"retries":3,"startPeriod":30}}])["taskDefinition"]["taskDefinitionArn"]
    one, two = reg(good), reg(bad)
    ecs.create_service(cluster="c", serviceName="w", taskDefinition=one, desiredCount=2, launchType="FARGATE", deploymentConfiguration={"deploymentCircuitBreaker":{"enable":True,"rollback":True},"maximumPercent":200,"minimumHealthyPercent":100})
    def svc(): return ecs.describe_services(cluster="c", services=["w"])["services"][0]
    wait(lambda: svc()["deployments"][0]["rolloutState"]=="COMPLETED")
    s = svc(); assert s["runningCount"]==2, s
    ecs.update_service(cluster="c", service="w", taskDefinition=two)
    for _ in range(20):
        time.sleep(.1); x=svc(); print([(d["status"],d["rolloutState"],d["failedTasks"],d["runningCount"],d["pendingCount"],d["taskDefinition"][-5:]) for d in x["deployments"]], x["events"][0]["message"])
    s = wait(lambda: (x:=svc()) and any(d["rolloutState"]=="FAILED" for d in x["deployments"]) and x)
    print([ (d["status"],d["rolloutState"],d["failedTasks"],d["taskDefinition"][-5:]) for d in s["deployments"]])
    s = wait(lambda: (x:=svc()) and len(x["deployments"])==1 and x["deployments"][0]["rolloutState"]=="COMPLETED" and x)
    assert s["taskDefinition"]==one
    for e in reversed(s["events"]): print(e["message"])
    stopped = ecs.list_tasks(cluster="c", serviceName="w", desiredStatus="STOPPED")["taskArns"]
    for t in ecs.describe_tasks(cluster="c", tasks=stopped)["tasks"]: print(t["stopCode"], t["stoppedReason"], t["containers"][0].get("exitCode"))
    assert 0

def test_b(aws, account):
    from thoth_infra.emulator.ecs.images import in_ecr, behaviour
    d = push(aws, "thoth/api", "2", exit="1@5", says="boom")
    ref = f"{account}.dkr.ecr.us-east-1.amazonaws.com/thoth/api@{d}"
    print(in_ecr(ref))
    from moto.ecr.models import ecr_backends
    im = ecr_backends[account]["us-east-1"].repositories["thoth/api"].images[0]
    print(im.image_manifest, im.get_image_digest(), d)
    from thoth_infra.emulator.patches.ecs_around import Moto
    class E: account_id=account; region_name="us-east-1"
    print(Moto(E).behaviour(ref))
    assert 0

def test_blue_green(aws, account):
    ecs = aws("ecs"); ecs.create_cluster(clusterName="c")
    ec2=aws("ec2"); elb = aws("elbv2"); cd = aws("codedeploy")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subs = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=f"us-east-1{z}")["Subnet"]["SubnetId"] for i, z in enumerate("ab")]
    lb = elb.create_load_balancer(Name="lb", Subnets=subs)["LoadBalancers"][0]["LoadBalancerArn"]
    tgs = {n: elb.create_target_group(Name=n, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0]["TargetGroupArn"] for n in ("blue","green")}
    lis = elb.create_listener(LoadBalancerArn=lb, Protocol="HTTP", Port=80, DefaultActions=[{"Type":"forward","TargetGroupArn":tgs["blue"]}])["Listeners"][0]["ListenerArn"]
    base = f"{account}.dkr.ecr.us-east-1.amazonaws.com/thoth/api@"
    def reg(d): return ecs.register_task_definition(family="api", containerDefinitions=[{"name":"api","image":base+d,"memory":1}])["taskDefinition"]["taskDefinitionArn"]
    one, two, three = reg(push(aws,"thoth/api","1")), reg(push(aws,"thoth/api","2")), reg(push(aws,"thoth/api","3",exit="1@5"))
    ecs.create_service(cluster="c", serviceName="api", taskDefinition=one, desiredCount=2, launchType="FARGATE", deploymentController={"type":"CODE_DEPLOY"}, loadBalancers=[{"targetGroupArn":tgs["blue"],"containerName":"api","containerPort":80}])
    cd.create_application(applicationName="a", computePlatform="ECS")
    cd.create_deployment_group(applicationName="a", deploymentGroupName="g", serviceRoleArn="arn:aws:iam::1:role/x", deploymentConfigName="CodeDeployDefault.ECSCanary10Percent5Minutes",
      deploymentStyle={"deploymentType":"BLUE_GREEN","deploymentOption":"WITH_TRAFFIC_CONTROL"},
      blueGreenDeploymentConfiguration={"terminateBlueInstancesOnDeploymentSuccess":{"action":"TERMINATE","terminationWaitTimeInMinutes":10}},
      autoRollbackConfiguration={"enabled":True,"events":["DEPLOYMENT_FAILURE","DEPLOYMENT_STOP_ON_ALARM"]},
      loadBalancerInfo={"targetGroupPairInfoList":[{"targetGroups":[{"name":"blue"},{"name":"green"}],"prodTrafficRoute":{"listenerArns":[lis]}}]},
      ecsServices=[{"serviceName":"api","clusterName":"c"}])
    def deploy(rev):
        spec={"version":0.0,"Resources":[{"TargetService":{"Type":"AWS::ECS::Service","Properties":{"TaskDefinition":rev,"LoadBalancerInfo":{"ContainerName":"api","ContainerPort":80}}}}]}
        return cd.create_deployment(applicationName="a",deploymentGroupName="g",revision={"revisionType":"AppSpecContent","appSpecContent":{"content":json.dumps(spec)}},description="d")["deploymentId"]
    def info(i): return cd.get_deployment(deploymentId=i)["deploymentInfo"]
    d = deploy(two)
    seen=[]
    def ended():
        t = cd.batch_get_deployment_targets(deploymentId=d, targetIds=cd.list_deployment_targets(deploymentId=d)["targetIds"])["deploymentTargets"][0]["ecsTarget"]
        line=(info(d)["status"], [(e["lifecycleEventName"][:14],e["status"]) for e in t["lifecycleEvents"] if e["status"]=="InProgress"], [(x["taskSetLabel"],x["status"],x["runningCount"],x["trafficWeight"]) for x in t["taskSetsInfo"]])
        if not seen or seen[-1]!=line: seen.append(line)
        return info(d)["status"] in ("Succeeded","Failed","Stopped")
    wait(ended)
    for l in seen: print(l)
    s = ecs.describe_services(cluster="c", services=["api"])["services"][0]
    print(s["taskDefinition"], s["deployments"], [(x["status"],x["taskDefinition"][-5:],x["stabilityStatus"]) for x in s["taskSets"]])
    print(elb.describe_listeners(ListenerArns=[lis])["Listeners"][0]["DefaultActions"])
    d = deploy(three); seen.clear()
    time.sleep(1)
    ended(); print(seen)
    cd.stop_deployment(deploymentId=d, autoRollbackEnabled=True)
    print(info(d)["status"], info(d)["errorInformation"])
    s = ecs.describe_services(cluster="c", services=["api"])["services"][0]
    print(s["taskDefinition"], [(x["status"],x["taskDefinition"][-5:],x["stabilityStatus"]) for x in s["taskSets"]])
    assert 0
