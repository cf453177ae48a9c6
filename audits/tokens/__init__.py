"""Counting the tokens of a user's tokenizer: each distinct piece of text is tokenized once."""
