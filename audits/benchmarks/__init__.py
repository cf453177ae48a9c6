"""What a test set owes its users."""
