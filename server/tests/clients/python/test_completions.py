"""Legacy completions: prompts of all kinds, echo, and log-probabilities."""

import openai
import pytest

PROMPT = "The cabin climbs"


def complete(client, model, **options):
    settings = {"prompt": PROMPT, "temperature": 0, "max_tokens": 8, **options}
    return client.completions.create(model=model, **settings)


def test_answer(client, model):
    answer = complete(client, model)
    assert answer.object == "text_completion" and answer.id.startswith("cmpl-")
    assert answer.choices[0].text and answer.usage.completion_tokens <= 8


def test_stream_equals_answer(client, model):
    whole = complete(client, model)
    chunks = list(complete(client, model, stream=True, stream_options={"include_usage": True}))
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == whole.choices[0].text
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == whole.usage.total_tokens


def test_exact_length(client, model):
    answer = complete(client, model, max_tokens=50, extra_body={"ignore_eos": True})
    assert answer.usage.completion_tokens == 50 and answer.choices[0].finish_reason == "length"


def test_several_prompts_and_choices(client, model):
    alone = [complete(client, model, prompt=prompt).choices[0].text for prompt in (PROMPT, "Snow")]
    answer = complete(client, model, prompt=[PROMPT, "Snow"], n=2)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert [choice.text for choice in answer.choices] == [alone[0], alone[0], alone[1], alone[1]]


def test_echo_puts_the_prompt_first(client, model):
    plain = complete(client, model, max_tokens=4).choices[0].text
    assert complete(client, model, echo=True, max_tokens=4).choices[0].text == PROMPT + plain


def test_a_scored_prompt_has_the_logprobs_of_the_answer_it_was(client, model):
    ids = {"extra_body": {"return_token_ids": True, "logprob_token_ids": [1, 2]}}
    answer = complete(client, model, max_tokens=12, logprobs=3, **ids).choices[0]
    prompt = answer.prompt_token_ids + answer.token_ids
    echoed = complete(client, model, prompt=prompt, echo=True, max_tokens=0, logprobs=3, **ids).choices[0]
    assert echoed.text == PROMPT + answer.text and echoed.finish_reason == "length"
    for array in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        assert len(getattr(echoed.logprobs, array)) == len(prompt)
    start = len(answer.prompt_token_ids)
    assert echoed.logprobs.token_logprobs[0] is None and echoed.logprobs.top_logprobs[0] is None
    assert echoed.logprobs.token_logprobs[start:] == answer.logprobs.token_logprobs
    assert echoed.logprobs.top_logprobs[start:] == answer.logprobs.top_logprobs
    for token, offset in zip(echoed.logprobs.tokens, echoed.logprobs.text_offset):
        assert echoed.text[offset:].startswith(token)


def test_prompt_logprobs_are_those_of_an_echo(client, model):
    echoed = complete(client, model, echo=True, max_tokens=1, logprobs=2, extra_body={"return_token_ids": True}).choices[0]
    places = complete(client, model, max_tokens=1, extra_body={"prompt_logprobs": 2}).choices[0].prompt_logprobs
    assert places[0] is None and len(places) == len(echoed.prompt_token_ids)
    for index, (token, place) in enumerate(zip(echoed.prompt_token_ids, places)):
        if place is not None:
            own = place[str(token)]
            assert own["logprob"] == echoed.logprobs.token_logprobs[index] and own["decoded_token"] == echoed.logprobs.tokens[index]
            assert [entry["rank"] for entry in place.values()] == ([1, 2] if own["rank"] <= 2 else [1, 2, own["rank"]])


def test_prompt_logprobs_are_not_streamed(client, model):
    with pytest.raises(openai.BadRequestError) as refused:
        complete(client, model, stream=True, extra_body={"prompt_logprobs": 1})
    assert refused.value.param == "prompt_logprobs"


def test_a_prompt_can_be_computed_without_an_answer(client, model):
    answer = complete(client, model, echo=True, max_tokens=0)
    assert answer.choices[0].text == PROMPT and answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 0


def test_token_prompts(client, model):
    whole = complete(client, model, extra_body={"return_token_ids": True})
    tokens = whole.choices[0].prompt_token_ids
    assert complete(client, model, prompt=tokens).choices[0].text == whole.choices[0].text
    assert len(tokens) == whole.usage.prompt_tokens


@pytest.mark.parametrize("stream", [False, True])
def test_stop_string(client, model, stream):
    text = complete(client, model, max_tokens=24).choices[0].text
    stop = text[len(text) // 2 :][:4]
    answer = complete(client, model, max_tokens=24, stop=stop, stream=stream)
    stopped = "".join(chunk.choices[0].text for chunk in answer) if stream else answer.choices[0].text
    assert stopped == text[: text.index(stop)]


def test_logit_bias_forbids_a_token(client, model):
    free = complete(client, model, max_tokens=1, extra_body={"return_token_ids": True}).choices[0]
    barred = complete(client, model, max_tokens=1, logit_bias={str(free.token_ids[0]): -100}).choices[0]
    assert barred.text != free.text
