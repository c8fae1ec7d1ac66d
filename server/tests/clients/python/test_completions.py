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


def test_echo_with_logprobs_is_refused_by_name(client, model):
    with pytest.raises(openai.BadRequestError) as refused:
        complete(client, model, echo=True, logprobs=2)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "echo")


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
