"""Thoth's infrastructure: one validated environment in, reviewed Terraform out."""

__version__ = "0.1.0"
