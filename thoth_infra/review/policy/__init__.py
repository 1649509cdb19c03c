"""What must hold of every environment: checkov over its rendered tree, rules of our own over its plan.

``rules`` and ``judge`` are pure; ``scanner`` starts checkov, in an environment of its own (``tool``).
"""
