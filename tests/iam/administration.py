"""Requests that no service's code has a reason to make: boto3's service, operation and parameters, and the action."""

from __future__ import annotations

from typing import Any

_POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
_KEY = "alias/thoth-staging-storage"

# Requests whose IAM action is named as their operation, by boto3's service and the action's prefix.
_REQUESTS: dict[tuple[str, str], dict[str, dict[str, Any]]] = {
    ("iam", "iam"): {
        "CreateUser": {"UserName": "x"},
        "CreateAccessKey": {"UserName": "x"},
        "CreateRole": {"RoleName": "x", "AssumeRolePolicyDocument": _POLICY},
        "PutRolePolicy": {"RoleName": "thoth-staging-api-task", "PolicyName": "x", "PolicyDocument": _POLICY},
        "AttachRolePolicy": {
            "RoleName": "thoth-staging-api-task",
            "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
        },
        "UpdateAssumeRolePolicy": {"RoleName": "thoth-staging-github-plan", "PolicyDocument": _POLICY},
        "ListRoles": {},
    },
    ("ec2", "ec2"): {
        "RunInstances": {"ImageId": "ami-00000000", "MinCount": 1, "MaxCount": 1},
        "DescribeInstances": {},
        "CreateSnapshot": {"VolumeId": "vol-00000000"},
        "AuthorizeSecurityGroupIngress": {"GroupId": "sg-00000000", "CidrIp": "0.0.0.0/0"},
        "DeleteVpc": {"VpcId": "vpc-00000000"},
    },
    ("kms", "kms"): {
        "CreateKey": {},
        "ListKeys": {},
        "ScheduleKeyDeletion": {"KeyId": _KEY},
        "DisableKey": {"KeyId": _KEY},
        "PutKeyPolicy": {"KeyId": _KEY, "PolicyName": "default", "Policy": _POLICY},
        "UpdateKeyDescription": {"KeyId": _KEY, "Description": "x"},
        "ReEncrypt": {"CiphertextBlob": b"x", "DestinationKeyId": _KEY},
    },
    ("ecs", "ecs"): {
        "ListClusters": {},
        "UpdateService": {"cluster": "thoth-staging", "service": "api", "desiredCount": 0},
        "RegisterTaskDefinition": {"family": "x", "containerDefinitions": []},
        "RunTask": {"cluster": "thoth-staging", "taskDefinition": "x"},
        "StopTask": {"cluster": "thoth-staging", "task": "x"},
    },
    ("rds", "rds"): {
        "DescribeDBInstances": {},
        "ModifyDBInstance": {"DBInstanceIdentifier": "thoth-staging", "MasterUserPassword": "x"},
        "DeleteDBInstance": {"DBInstanceIdentifier": "thoth-staging", "SkipFinalSnapshot": True},
        "CreateDBSnapshot": {"DBInstanceIdentifier": "thoth-staging", "DBSnapshotIdentifier": "x"},
    },
    # Only requests with a body: of others the emulator can't check the signature.
    ("efs", "elasticfilesystem"): {
        "CreateFileSystem": {"CreationToken": "x"},
        "CreateAccessPoint": {"ClientToken": "x", "FileSystemId": "fs-00000000"},
        "CreateMountTarget": {"FileSystemId": "fs-00000000", "SubnetId": "subnet-00000000"},
    },
    ("logs", "logs"): {
        "DescribeLogGroups": {},
        "GetLogEvents": {"logGroupName": "/thoth/staging/api", "logStreamName": "x"},
        "DeleteLogGroup": {"logGroupName": "/thoth/staging/api"},
    },
    ("ecr", "ecr"): {
        "BatchDeleteImage": {"repositoryName": "thoth/api", "imageIds": [{"imageTag": "x"}]},
        "CreateRepository": {"repositoryName": "x"},
    },
    ("sns", "sns"): {"CreateTopic": {"Name": "x"}, "ListTopics": {}},
    ("ssm", "ssm"): {
        "GetParameter": {"Name": "/x"},
        "SendCommand": {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-00000000"]},
    },
    ("cloudtrail", "cloudtrail"): {"StopLogging": {"Name": "thoth-staging-data"}},
    ("secretsmanager", "secretsmanager"): {"ListSecrets": {}},
    ("sqs", "sqs"): {"CreateQueue": {"QueueName": "x"}, "ListQueues": {}},
}

ADMINISTRATION: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("s3", "ListBuckets", {}, "s3:ListAllMyBuckets"),
    ("s3", "CreateBucket", {"Bucket": "thoth-staging-exfiltration"}, "s3:CreateBucket"),
    *(
        (client, operation, parameters, f"{prefix}:{operation}")
        for (client, prefix), operations in _REQUESTS.items()
        for operation, parameters in operations.items()
    ),
)  # fmt: skip
