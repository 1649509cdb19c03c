"""Labelled plans: what each change truly does, and real plans that Terraform made of them."""
