"""The rules: each looks at one change and says what it may do."""
