"""Looks for the cheapest configuration that keeps a wait."""
