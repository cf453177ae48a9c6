"""Test items in the training text: word for word, by n-grams, edited, and in other words."""
