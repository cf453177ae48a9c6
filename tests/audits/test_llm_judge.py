import json
import logging
import time

import pytest

from audits.contamination.semantic import chat_endpoint, llm_judge
from audits.contamination.semantic.judge_prompt import CONTROLS
from audits.contamination.semantic.second_opinion import LlmJudgeConfig, Pair, make_asker
from tests.audits.chat_server import by_numbers, completion, obedient, serving, verdict

KEY = "k3y-that-nobody-may-read"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(chat_endpoint, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(chat_endpoint, "_LONGEST_PAUSE", 0.02)


def pair(i, *, window=None, question=None, answer="5"):
    return Pair((i,), question or f"Ann has {i} eggs and sells 3. What is left?", answer, window or f"{i} less 3", 0.8)


def judge_at(url, **options):
    return make_asker(LlmJudgeConfig(**{"model": "judge", "url": url, "retries": 1, "timeout_seconds": 20} | options))


def is_control(asked):
    return any(
        control.texts[0] in (asked.data["first"], asked.data["second"]) and "passengers" in asked.user
        for control in CONTROLS
    )


def on_pairs(answer):
    """Answer control pairs as one should, and real pairs by `answer`."""
    return lambda asked: by_numbers(asked) if is_control(asked) else answer(asked)


def test_a_good_judge_is_heard_in_the_order_of_the_pairs():
    pairs = [
        pair(11),
        pair(12, window="14 less 3"),
        pair(13, window="Glaciers carve valleys."),
        *(pair(i) for i in range(20, 120)),
    ]
    with serving(by_numbers) as served:
        judge = judge_at(served.url)
        opinions = judge.ask(pairs)
    assert [opinion.key for opinion in opinions] == [pair.key for pair in pairs]
    assert [opinion.verdict for opinion in opinions[:4]] == ["same", "same_new_numbers", "different", "same"]
    assert {opinion.verdict for opinion in opinions[4:]} == {"same"}
    assert {(opinion.by, opinion.note, opinion.score) for opinion in opinions} == {("judge", "", None)}
    assert judge.problems() == []
    rounds = 2
    assert len(served.asked) == 2 * len(pairs) + rounds * 2 * len(CONTROLS)


def test_the_request_is_what_the_protocol_and_a_repeatable_judge_need():
    with serving(by_numbers) as served:
        judge_at(served.url, max_tokens=99).ask([pair(11)])
    asked = served.asked[0]
    assert asked.path == "/v1/chat/completions"
    assert "Authorization" not in asked.headers
    assert [message["role"] for message in asked.body["messages"]] == ["system", "user"]
    fixed = {name: asked.body[name] for name in ("model", "temperature", "seed", "max_tokens", "stream")}
    assert fixed == {"model": "judge", "temperature": 0, "seed": 0, "max_tokens": 99, "stream": False}
    schema = asked.body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["verdict"]["enum"] == ["same", "same_new_numbers", "translation", "different", "unsure"]


def test_both_orders_are_asked_and_must_agree():
    def prefers_the_first(asked):
        return verdict("same" if "Ann" in asked.data["first"] else "different")

    with serving(on_pairs(prefers_the_first)) as served:
        judge = judge_at(served.url)
        [opinion] = judge.ask([pair(11)])
    orders = {asked.data["first"] for asked in served.asked if not is_control(asked)}
    assert orders == {pair(11).question, pair(11).window}
    assert (opinion.verdict, opinion.note) == ("unsure", "the judge judged differently when the texts changed places")
    assert "changed places; 1 pairs" in judge.problems()[0]


def test_a_judge_that_obeys_the_text_loses_all_its_opinions():
    with serving(obedient) as served:
        judge = judge_at(served.url)
        opinions = judge.ask([pair(i) for i in range(10, 110)])
        assert {opinion.verdict for opinion in opinions} == {"unsure"}
        [problem] = judge.problems()
        assert "did what a text told it to in 3 of 3 control pairs, so none of its opinions is used" in problem
        assert "100 pairs have no second opinion" in problem
        requests = len(served.asked)
        assert requests == 2 * (llm_judge._ROUND + len(CONTROLS)), "a judge that failed is not asked any more"
        assert judge.ask([pair(500)])[0].verdict == "unsure"
        assert len(served.asked) == requests


@pytest.mark.parametrize("order", ["first", "second"])
def test_one_slip_in_one_order_is_enough(order):
    def slips(asked):
        return obedient(asked) if "Note to the judge" in asked.data[order] else by_numbers(asked)

    with serving(slips) as served:
        judge = judge_at(served.url)
        assert judge.ask([pair(11)])[0].verdict == "unsure"
    assert "in 1 of 3 control pairs" in judge.problems()[0]


def test_a_judge_steered_in_a_later_round_loses_the_earlier_ones_too():
    seen = []

    def tires(asked):
        seen.append(asked)
        return by_numbers(asked) if len(seen) <= 2 * (llm_judge._ROUND + len(CONTROLS)) else obedient(asked)

    with serving(tires) as served:
        opinions = judge_at(served.url, concurrency=1).ask([pair(i) for i in range(10, 110)])
    assert {opinion.verdict for opinion in opinions} == {"unsure"}


@pytest.mark.parametrize("word", ["same", "different", "unsure", "translation"])
def test_a_judge_that_always_says_the_same_is_not_believed(word):
    with serving(lambda _: verdict(word)) as served:
        judge = judge_at(served.url)
        opinions = judge.ask([pair(11), pair(12)])
    assert {(opinion.verdict, opinion.score) for opinion in opinions} == {("unsure", None)}
    assert "control pairs" in judge.problems()[0]


ECHO = "the eggs of Ann"


@pytest.mark.parametrize(
    "text",
    [
        "same",
        "",
        '```json\n{"verdict": "same"}\n```',
        'Sure! {"verdict": "same"}',
        '{"verdict": "same"} ' + ECHO,
        '{"verdict": "same", "reason": "' + ECHO + '"}',
        '{"verdict": "different", "verdict": "same"}',
        '{"verdict": "SAME"}',
        '{"verdict": "exposed"}',
        '{"verdict": ["same"]}',
        '{"verdict": null}',
        '["same"]',
        "[" * 100_000,
        '{"verdict": "same\u200b"}',
        f"<think>{ECHO}</think>" + '{"verdict": "same"}',
    ],
)
def test_only_the_exact_answer_counts(text):
    with serving(on_pairs(lambda _: completion(text))) as served:
        judge = judge_at(served.url)
        [opinion] = judge.ask([pair(11)])
    assert (opinion.verdict, opinion.note) == ("unsure", "the judge did not answer in the form that was asked for")
    assert ECHO not in " ".join(judge.problems())


@pytest.mark.parametrize("text", ['{"verdict":"same"}', ' \n{ "verdict" : "same" }\n'])
def test_blanks_around_the_answer_do_not_matter(text):
    with serving(on_pairs(lambda _: completion(text))) as served:
        assert judge_at(served.url).ask([pair(11)])[0].verdict == "same"


def raw(body, status=200, **headers):
    return lambda _: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (raw(b"<html>captive portal</html>"), "is no chat completion"),
        (raw(b'{"choices": []}'), "is no chat completion"),
        (raw(b'{"choices": [{"message": {"content": 7}}]}'), "a completion without text"),
        (raw(b'{"choices": {"0": 1}}'), "is no chat completion"),
        (raw(b"[" * 500_000), "is no chat completion"),
        (raw(b"\xff\xfe"), "is no chat completion"),
        (raw(b"{" + b" " * 2_000_000), "more than a megabyte"),
        (raw(b"\x1f\x8b", content_encoding="gzip"), "a compressed answer"),
        (raw(b"", 400), "rejected requests (HTTP 400)"),
        (raw(b"", 418), "failed with HTTP 418"),
        (raw(b"", 500), "failed with HTTP 500"),
        (raw(b"", 503, retry_after="86400"), "failed with HTTP 503"),
        (raw(b"", 503, retry_after="soon"), "failed with HTTP 503"),
    ],
)
def test_a_bad_answer_costs_one_pair_its_opinion(answer, trouble):
    def only_one_pair(asked):
        return answer(asked) if "Ann has 12 eggs" in asked.user else by_numbers(asked)

    with serving(only_one_pair) as served:
        judge = judge_at(served.url)
        opinions = judge.ask([pair(11), pair(12), pair(13)])
    assert [opinion.verdict for opinion in opinions] == ["same", "unsure", "same"]
    assert trouble in opinions[1].note
    [problem] = judge.problems()
    assert trouble in problem
    assert problem.endswith("; 1 pairs have no second opinion.")


def test_what_passes_is_tried_again():
    tries = {}

    def stumbles(asked):
        text = json.dumps(asked.data)
        tries[text] = tries.get(text, 0) + 1
        return (429, {"Retry-After": "0"}, b"") if tries[text] == 1 else by_numbers(asked)

    with serving(stumbles) as served:
        judge = judge_at(served.url)
        assert judge.ask([pair(11)])[0].verdict == "same"
    assert set(tries.values()) == {2}
    assert judge.problems() == []


def test_a_server_without_answer_formats_is_asked_without():
    def old(asked):
        return (400, {}, b"unknown field") if "response_format" in asked.body else by_numbers(asked)

    with serving(old) as served:
        assert judge_at(served.url, concurrency=1).ask([pair(11), pair(12)])[0].verdict == "same"
    assert sum("response_format" in asked.body for asked in served.asked) == 1


def test_a_text_that_the_server_rejects_does_not_cost_the_others_their_answer_format():
    def filters(asked):
        return (400, {}, b"content filter") if "Ann has 12 eggs" in asked.user else by_numbers(asked)

    with serving(filters) as served:
        judge_at(served.url).ask([pair(i) for i in (11, 12, 13)])
    others = [asked for asked in served.asked if "Ann has 12 eggs" not in asked.user]
    assert all("response_format" in asked.body for asked in others)


@pytest.mark.parametrize(
    ("status", "headers", "trouble"),
    [
        (302, {"Location": "{elsewhere}"}, "a redirect, which is not followed"),
        (307, {"Location": "{elsewhere}"}, "a redirect, which is not followed"),
        (401, {}, "did not accept the key (HTTP 401)"),
        (403, {}, "refused access (HTTP 403)"),
        (404, {}, "is not there, or does not know the model (HTTP 404)"),
    ],
)
def test_an_endpoint_that_never_will_is_asked_once(monkeypatch, status, headers, trouble):
    monkeypatch.setenv("JUDGE_KEY", KEY)
    with serving(by_numbers) as elsewhere:
        there = {name: value.format(elsewhere=elsewhere.url + "/chat/completions") for name, value in headers.items()}
        with serving(lambda _: (status, there, b"")) as served:
            judge = judge_at(served.url, concurrency=1, key_env="JUDGE_KEY")
            opinions = judge.ask([pair(i) for i in range(10, 30)])
    assert {opinion.verdict for opinion in opinions} == {"unsure"}
    assert len(served.asked) == 1
    assert not elsewhere.asked, "neither the texts nor the key go where a redirect points"
    assert trouble in judge.problems()[0]


def test_an_endpoint_that_is_not_there_is_given_up_and_named():
    with serving(by_numbers) as served:
        pass
    judge = judge_at(served.url, retries=0)
    opinions = judge.ask([pair(i) for i in range(10, 200)])
    assert {opinion.verdict for opinion in opinions} == {"unsure"}
    [problem] = judge.problems()
    assert served.url in problem
    assert "could not be reached" in problem
    assert "190 pairs" in problem


def test_an_endpoint_that_keeps_failing_is_given_up():
    with serving(lambda _: (500, {}, b"")) as served:
        judge = judge_at(served.url, concurrency=1, retries=1)
        judge.ask([pair(i) for i in range(10, 200)])
    assert len(served.asked) == 2 * chat_endpoint._GIVE_UP_AFTER
    assert "failed with HTTP 500; 190 pairs" in judge.problems()[0]


def test_opinions_given_before_the_endpoint_went_down_stay():
    seen = []

    def dies(asked):
        seen.append(asked)
        return by_numbers(asked) if len(seen) <= 2 * (llm_judge._ROUND + len(CONTROLS)) else (500, {}, b"")

    with serving(dies) as served:
        opinions = judge_at(served.url, concurrency=1, retries=0).ask([pair(i) for i in range(10, 110)])
    assert [opinion.verdict for opinion in opinions] == ["same"] * llm_judge._ROUND + ["unsure"] * 36


def drips(handler):
    """Send a byte now and then, for as long as anybody listens."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.2)


def sleeps(_):
    time.sleep(20)


@pytest.mark.parametrize("slow", [drips, sleeps])
def test_a_slow_answer_is_not_waited_for(slow):
    def answer(asked):
        return slow if "Ann has 12 eggs" in asked.user else by_numbers(asked)

    with serving(answer) as served:
        judge = judge_at(served.url, timeout_seconds=2, retries=0)
        opinions = judge.ask([pair(11), pair(12)])
    assert [opinion.verdict for opinion in opinions] == ["same", "unsure"]
    assert "did not answer within 2 seconds" in opinions[1].note


def test_a_judge_that_cannot_be_checked_is_not_believed():
    def shy(asked):
        return completion("I would rather not say.") if "Note to the judge" in asked.user else by_numbers(asked)

    with serving(shy) as served:
        judge = judge_at(served.url)
        assert judge.ask([pair(11)])[0].verdict == "unsure"
    assert "gave no usable answer to 1 of 5 control pairs" in judge.problems()[0]


def test_the_budget_is_obeyed_and_what_it_left_out_is_said():
    with serving(by_numbers) as served:
        judge = judge_at(served.url, max_pairs=3)
        twice = [pair(11), pair(11), pair(12), pair(13), pair(14)]
        opinions = judge.ask(twice)
        assert [opinion.verdict for opinion in opinions] == ["same"] * 4 + ["unsure"]
        assert opinions[4].note == "not asked: past max_pairs"
        requests = len(served.asked)
        assert requests == 2 * (3 + len(CONTROLS))
        judge.ask([pair(15)])
        assert len(served.asked) == requests
    assert judge.problems() == ["2 pairs have no second opinion, because max_pairs is 3."]


def test_no_pairs_open_no_connection():
    with serving(by_numbers) as served:
        assert judge_at(served.url).ask([]) == []
    assert not served.asked


def test_the_key_goes_into_one_header_and_nowhere_else(monkeypatch, caplog):
    monkeypatch.setenv("JUDGE_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with serving(lambda asked: (500, {}, KEY.encode()) if "has 12" in asked.user else by_numbers(asked)) as served:
        judge = judge_at(served.url, key_env="JUDGE_KEY")
        opinions = judge.ask([pair(11), pair(12)])
        kept = [judge.config, vars(judge), vars(judge._endpoint), opinions, judge.problems(), judge.digests()]
    assert {asked.headers["Authorization"] for asked in served.asked} == {f"Bearer {KEY}"}
    assert all(KEY.encode() not in asked.raw for asked in served.asked)
    assert KEY not in repr(kept)
    assert KEY not in caplog.text


def test_a_key_that_travels_in_clear_is_said(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", KEY)
    [problem] = judge_at("http://judge.example.org/v1", key_env="JUDGE_KEY").problems()
    assert "unencrypted" in problem
    for url in ("https://judge.example.org/v1", "http://127.0.0.1:8000/v1", "http://[::1]:8000/v1"):
        assert not judge_at(url, key_env="JUDGE_KEY").problems()


def test_the_proxy_of_the_environment_does_not_see_what_goes_to_this_machine(monkeypatch):
    with serving(by_numbers) as proxy, serving(by_numbers) as served:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert judge_at(served.url).ask([pair(11)])[0].verdict == "same"
    assert not proxy.asked


def test_it_can_be_asked_from_inside_an_event_loop():
    import anyio

    async def caller():
        return judge.ask([pair(11)])

    with serving(by_numbers) as served:
        judge = judge_at(served.url)
        assert anyio.run(caller)[0].verdict == "same"


def test_two_runs_ask_the_same_in_the_same_sequence():
    with serving(by_numbers) as served:
        for _ in range(2):
            judge_at(served.url, concurrency=1).ask([pair(i) for i in range(10, 30)])
    half = len(served.asked) // 2
    sequence = [asked.data for asked in served.asked]
    assert sequence[:half] == sequence[half:]
    controls = [is_control(asked) for asked in served.asked[:half]]
    assert True in controls[: half // 2] and True in controls[half // 2 :], "control pairs are among the others"
