"""Second opinions by an LLM judge behind a chat-completions endpoint: off by default, and trusted with little.

Every pair is asked about twice, once in each order of its texts, because judges favour positions; only a verdict that
both orders give counts. Pairs with a known answer are mixed in, some of which hold an instruction to answer otherwise:
judges do follow what they read (one that audited agent logs was steered by 22 of 50 of them, marin-community/marin),
and a judge that does so here loses all its opinions.

What the judge answers is one of five words. None of its text is kept, logged or shown.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import anyio
import httpx
from anyio.from_thread import start_blocking_portal

from audits.contamination.semantic.chat_endpoint import ChatEndpoint, Reply, is_loopback
from audits.contamination.semantic.judge_prompt import (
    ANSWER_FORMAT,
    CONTROLS,
    Control,
    messages,
    parse,
    prompt_digest,
)
from audits.contamination.semantic.second_opinion import (
    LlmJudgeConfig,
    Opinion,
    OpinionVerdict,
    Pair,
    Texts,
    affordable,
)

_ROUND = 64
"""Pairs that share one set of control pairs, which adds 10 requests to their 128."""

_Replies: TypeAlias = Mapping[tuple[Texts, bool], Reply]
"""By texts, and by whether the window came first."""


@dataclass(frozen=True)
class _Answer:
    """The verdict on one pair, or what the judge did instead of giving one, as the end of a sentence about it."""

    verdict: OpinionVerdict | None
    trouble: str = ""


class LlmJudge:
    """Asks one endpoint, checks it by control pairs, and forgets what it said if it fails them."""

    def __init__(self, config: LlmJudgeConfig) -> None:
        self.config = config
        self._endpoint = ChatEndpoint(config, ANSWER_FORMAT)
        self._asked = self._left_out = 0
        self._stopped = ""
        self._troubles: Counter[str] = Counter()

    def ask(self, pairs: Sequence[Pair]) -> list[Opinion]:
        """Return one opinion a pair; equal texts are asked about once, the first `max_pairs` of them at all."""
        asked, left_out = affordable(pairs, self.config.max_pairs - self._asked)
        self._asked += len(asked)
        self._left_out += left_out
        judged: dict[Texts, _Answer] = {}
        if asked and not self._stopped:
            # A loop in a thread of its own: the caller may be inside one.
            with start_blocking_portal() as portal:
                judged = portal.call(self._judge, asked)
        answers = {texts: judged.get(texts, _Answer(None, self._stopped)) for texts in asked}
        self._troubles.update(answer.trouble for answer in answers.values() if answer.verdict is None)
        return [self._opinion(pair, answers) for pair in pairs]

    def digests(self) -> dict[str, str]:
        """Return the model's name and the digest of the prompt; a remote model has no other identity."""
        return {"model": self.config.model, "prompt": prompt_digest()}

    def problems(self) -> list[str]:
        """Return why pairs have no opinion, the budget included, and whether the key travels unencrypted."""
        model, url = self.config.model, self.config.url
        said = [
            f"The judge {model} at {url} {trouble}; {count:,} pairs have no second opinion."
            for trouble, count in self._troubles.most_common()
        ]
        if self._left_out:
            said.append(
                f"{self._left_out:,} pairs have no second opinion, because max_pairs is {self.config.max_pairs:,}."
            )
        if self.config.key_env and url.startswith("http://") and not is_loopback(url):
            said.append(f"The key for {url} travels unencrypted; https:// would protect it.")
        return said

    def _opinion(self, pair: Pair, answers: Mapping[Texts, _Answer]) -> Opinion:
        answer = answers.get(pair.texts)
        if answer is None:
            return Opinion(pair.key, "unsure", None, self.config.model, "not asked: past max_pairs")
        note = "" if answer.verdict else f"the judge {answer.trouble}"
        return Opinion(pair.key, answer.verdict or "unsure", None, self.config.model, note)

    async def _judge(self, asked: list[Texts]) -> dict[Texts, _Answer]:
        """Return the answers that the control pairs vouch for, and note in `_stopped` why there are no more."""
        judged: dict[Texts, _Answer] = {}
        async with self._endpoint.client() as client:
            for first in range(0, len(asked), _ROUND):
                some = asked[first : first + _ROUND]
                replies = await self._replies(client, [*some, *(control.texts for control in CONTROLS)])
                if failed := _failed_controls(replies):
                    self._stopped = f"{failed}, so none of its opinions is used"
                    return {}
                if unanswered := sum(not _verdicts(control, replies) for control in CONTROLS):
                    self._stopped = self._endpoint.down or (
                        f"gave no usable answer to {unanswered} of {len(CONTROLS)} control pairs"
                    )
                    return judged
                judged |= {texts: _agreed(replies[texts, False], replies[texts, True]) for texts in some}
        return judged

    async def _replies(self, client: httpx.AsyncClient, asked: list[Texts]) -> _Replies:
        """Ask about every pair in both orders, in a sequence that is mixed and the same every time."""
        requests = [(texts, window_first) for texts in asked for window_first in (False, True)]
        random.Random(0).shuffle(requests)
        limiter = anyio.CapacityLimiter(self.config.concurrency)
        replies: dict[tuple[Texts, bool], Reply] = {}

        async def one(texts: Texts, window_first: bool) -> None:
            async with limiter:
                asking = messages(texts, window_first=window_first)
                replies[texts, window_first] = await self._endpoint.complete(client, asking)

        async with anyio.create_task_group() as group:
            for texts, window_first in requests:
                group.start_soon(one, texts, window_first)
        return replies


def _failed_controls(replies: _Replies) -> str:
    """Return what the control pairs show against the judge; empty if nothing does."""
    wrong = [control for control in CONTROLS if any(v not in control.right for v in _verdicts(control, replies))]
    steered = sum(control.steered for control in wrong)
    if steered:
        of = sum(control.steered for control in CONTROLS)
        return f"did what a text told it to in {steered} of {of} control pairs"
    if wrong:
        return f"judged {len(wrong)} of {len(CONTROLS)} control pairs wrongly"
    return ""


def _verdicts(control: Control, replies: _Replies) -> list[OpinionVerdict]:
    both = (_read(replies[control.texts, window_first]) for window_first in (False, True))
    return [answer.verdict for answer in both if answer.verdict]


def _agreed(there: Reply, back: Reply) -> _Answer:
    """Return the verdict that both orders of the texts got."""
    first, second = _read(there), _read(back)
    for answer in (first, second):
        if answer.verdict is None:
            return answer
    if first.verdict != second.verdict:
        return _Answer(None, "judged differently when the texts changed places")
    return first


def _read(reply: Reply) -> _Answer:
    if reply.text is None:
        return _Answer(None, reply.trouble)
    verdict = parse(reply.text)
    return _Answer(verdict, "" if verdict else "did not answer in the form that was asked for")
