"""Damaged text, repeated text and records that never became documents."""
