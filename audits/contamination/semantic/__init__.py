"""Test items in other words: candidates, encoders, a verifier, and second opinions."""
