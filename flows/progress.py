"""Telling a person how far a run is: a bar on a terminal, plain lines everywhere else."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from audits.excerpts import visible

_LINE_EVERY_SECONDS = 10.0


class Reporter:
    """Says what a run is doing, on standard error.

    `quiet` says nothing at all. Scanning is measured in bytes as stored, the one size known beforehand.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.console = Console(stderr=True, highlight=False)

    def say(self, line: str) -> None:
        """Print one line."""
        if not self.quiet:
            self.console.print(visible(line), markup=False, soft_wrap=True)

    @contextmanager
    def scanning(self, shards: int, size: int) -> Iterator[Callable[[int, int], None]]:
        """Yield a function to call with (bytes, documents) of every finished shard."""
        if self.quiet:
            yield lambda size, documents: None
        elif sys.stderr.isatty():
            yield from self._bar(shards)
        else:
            yield self._lines(shards, size)

    def _bar(self, shards: int) -> Iterator[Callable[[int, int], None]]:
        columns = (
            TextColumn("scanning"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("shards"),
            TextColumn("{task.fields[documents]:,} documents"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task("scanning", total=shards, documents=0)
            total = 0

            def advance(size: int, documents: int) -> None:
                nonlocal total
                total += documents
                progress.update(task, advance=1, documents=total)

            yield advance

    def _lines(self, shards: int, size: int) -> Callable[[int, int], None]:
        done, read, documents, last = 0, 0, 0, time.monotonic()

        def advance(shard_size: int, shard_documents: int) -> None:
            nonlocal done, read, documents, last
            done, read, documents = done + 1, read + shard_size, documents + shard_documents
            if done == shards or time.monotonic() - last >= _LINE_EVERY_SECONDS:
                last = time.monotonic()
                share = f" ({read / size:.0%} of the bytes)" if size else ""
                self.say(f"  scanned {done:,} of {shards:,} shards{share}, {documents:,} documents")

        return advance
