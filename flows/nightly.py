"""The same run as a Prefect flow: for schedules, triggers, and a server that remembers.

    PREFECT_API_URL=http://127.0.0.1:4200/api corpus-audit run web.yaml

or, as a deployment, `flows/nightly.py:nightly_audit` with `config` as its parameter. A run whose verdict is
FAIL ends in Prefect's state Failed, so that ordinary automations notice it.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed, State

from audits.findings import Status
from flows.pipeline import Outcome, run_audit
from flows.progress import Reporter
from flows.run_config import RunConfig, load_config
from reports.markdown import summary_markdown

T = TypeVar("T")


@flow(name="nightly-audit", persist_result=False)
def nightly_audit(config: str, output: str | None = None, write_clean: bool = False) -> State[Any]:
    """Audit the corpus that the configuration file at `config` names.

    `output` replaces the configuration's output folder; `write_clean` copies the corpus without what leaks. The
    final state's message holds the verdict and the run's folder.
    """
    settings = load_config(Path(config))
    if output is not None:
        settings = settings.model_copy(update={"output": str(Path(output).resolve())})
    return _final_state(_audit(settings, Reporter(), write_clean))


def run_as_flow(config: RunConfig, reporter: Reporter, write_clean: bool = False) -> Path:
    """Run a validated configuration as a flow run on the configured server; return the run's folder."""
    outcomes: list[Outcome] = []

    def body() -> State[Any]:
        outcomes.append(_audit(config, reporter, write_clean))
        return _final_state(outcomes[0])

    state = flow(name="nightly-audit", persist_result=False)(body)(return_state=True)
    if not outcomes:
        # The audit itself did not finish: raise what stopped it.
        state.result()
    return outcomes[0].folder


def _audit(config: RunConfig, reporter: Reporter, write_clean: bool = False) -> Outcome:
    outcome = run_audit(config, reporter, _stage, write_clean)
    create_markdown_artifact(
        markdown=summary_markdown(outcome.result),
        key=_artifact_key(config.name),
        description=outcome.verdict.headline,
    )
    return outcome


def _stage(name: str, work: Callable[[], T]) -> T:
    """Run one stage as a task: a run is a handful of tasks, never one a shard."""
    result: T = task(name=name, cache_policy=NO_CACHE, persist_result=False)(work)()
    return result


def _final_state(outcome: Outcome) -> State[Any]:
    message = f"{outcome.verdict.headline}; {outcome.folder}"
    # States keep Prefect's own names: automations match names, and would miss one called otherwise.
    return Failed(message=message) if outcome.verdict.status is Status.FAIL else Completed(message=message)


def _artifact_key(name: str) -> str:
    return "corpus-audit-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
