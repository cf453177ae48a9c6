"""Shares and tokens against a baseline."""
