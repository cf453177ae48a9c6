"""Field mappings of well-known benchmarks, in the layouts in which they are passed around."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Layout:
    """Where one layout of a benchmark keeps the parts of an item.

    `question` and the others are field names (dotted paths); several `choices` are fields of one option each.
    `prepare` rewrites a record first (prefixes, passages inside the question). `one_row_per_choice` names the
    field that says which rows belong to one item. `where` is the part of the file that is the test split.
    """

    question: str
    answer: str | None = None
    choices: str | tuple[str, ...] | None = None
    passage: str | None = None
    id: str | None = None
    split: str | None = None
    prepare: Callable[[Record], Record] | None = None
    one_row_per_choice: str | None = None
    where: tuple[tuple[str, tuple[float, float]], ...] = ()

    def required(self) -> list[str]:
        """Return the fields without which a record is not in this layout."""
        choices = (self.choices,) if isinstance(self.choices, str) else self.choices or ()
        named = (self.question, self.answer, self.one_row_per_choice, *choices)
        return [name for name in named if name]


def _query(record: Record) -> Record:
    """Split the prompt "Passage: ...\\nQuestion: ..." of llm-foundry's files into its parts.

    >>> _query({"query": "Passage: P.\\nQuestion: q?"})["question"]
    'q?'
    """
    text = str(record.get("query", ""))
    passage, mark, question = text.rpartition("\nQuestion:")
    if not mark:
        return {**record, "question": text.removeprefix("Question:").strip()}
    return {**record, "question": question.strip(), "passage": passage.removeprefix("Passage:").strip()}


def _arc(record: Record) -> Record:
    """Bring ARC's {"text": [...], "label": [...]} choices and their answer key to texts."""
    choices = record.get("choices")
    if not isinstance(choices, Mapping):
        return record
    texts, labels = _listed(choices.get("text")), _listed(choices.get("label"))
    key = record.get("answerKey")
    answer = texts[labels.index(key)] if key in labels and labels.index(key) < len(texts) else key
    return {**record, "choices": texts, "answerKey": answer}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _yes_no(record: Record) -> Record:
    answer = record.get("answer")
    if answer is True or answer is False:
        answer = "yes" if answer else "no"
    return {**record, "answer": answer}


def _first_is_right(record: Record) -> Record:
    """Bring TruthfulQA's mc1_targets (labels 1 and 0) to options and the right one."""
    targets = record.get("mc1_targets")
    if not isinstance(targets, Mapping):
        return record
    choices, labels = _listed(targets.get("choices")), _listed(targets.get("labels"))
    right = [choice for choice, label in zip(choices, labels, strict=False) if label == 1]
    return {**record, "choices": choices, "answer": right[0] if right else None}


_TEST_IDS_OF_MBPP = (("task_id", (11.0, 510.0)),)

PRESETS: dict[str, tuple[Layout, ...]] = {
    "gsm8k": (Layout("question", "answer"),),
    "math": (Layout("problem", "solution", id="unique_id", split="split"),),
    "mmlu": (
        Layout("question", "answer", id="eval_instance_index", split="split", one_row_per_choice="is_correct"),
        Layout("question", "answer", "choices"),
    ),
    "arc": (
        Layout("question", "answerKey", "choices", id="id", prepare=_arc),
        Layout("question", "gold", "choices", prepare=_query),
    ),
    "humaneval": (Layout("prompt", "canonical_solution", id="task_id"),),
    "mbpp": (
        Layout("text", "code", id="task_id", where=_TEST_IDS_OF_MBPP),
        Layout("prompt", "code", id="task_id", where=_TEST_IDS_OF_MBPP),
    ),
    "boolq": (
        Layout("question", "gold", "choices", "passage", prepare=_query),
        Layout("question", "answer", passage="passage", prepare=_yes_no),
    ),
    "hellaswag": (Layout("ctx", "label", "endings", id="ind"),),
    "piqa": (Layout("goal", "label", ("sol1", "sol2")),),
    "truthfulqa": (
        Layout("question", "answer", "choices", prepare=_first_is_right),
        Layout("question", "best_answer"),
        Layout("Question", "Best Answer"),
    ),
    "bbh": (Layout("input", "target"),),
}
"""Layouts of each benchmark by preset name; the first whose fields a record has is used."""

_ALIASES = {"arc_challenge": "arc", "arc_easy": "arc", "arc-challenge": "arc", "arc-easy": "arc"}


def preset_named(name: str) -> tuple[Layout, ...] | None:
    """Return the layouts of a preset, or None; "gsm8k_test" and "MMLU" name the obvious ones."""
    key = name.lower().removesuffix("_test").removesuffix("-test")
    return PRESETS.get(_ALIASES.get(key, key))
