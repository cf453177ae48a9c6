"""What a run leaves behind: a folder of Parquet, JSON and HTML, and the index of all runs."""
