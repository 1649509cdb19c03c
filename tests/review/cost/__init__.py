"""The cost of estates."""
