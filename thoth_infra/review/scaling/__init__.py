"""Proves of a rendered environment that its autoscaling starts, stops and keeps up."""
