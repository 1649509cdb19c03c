"""What infrastructure and workers must agree on, said once.

Task definitions, security-group rules, IAM statements, alarms and dashboards are *derived* from these
declarations; the workers read their settings through the same ones. Standard library only, so that a
worker image needs nothing of the CLI's dependencies.
"""
