"""What trainings and evaluations show of a corpus: losses by domain, spikes, benchmarks by checkpoint, errors."""
