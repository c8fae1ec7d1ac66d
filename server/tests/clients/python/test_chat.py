"""Chat completions: whole answers, streams, and what shapes them."""

import asyncio

import pytest

QUESTION = [{"role": "user", "content": "Reply with one sentence: what is the capital of France?"}]


def ask(client, model, **options):
    settings = {"messages": QUESTION, "temperature": 0, "max_tokens": 24, **options}
    return client.chat.completions.create(model=model, **settings)


def joined(chunks, index=0):
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return "".join(choice.delta.content or "" for choice in choices)


def test_answer(client, model):
    answer = ask(client, model)
    assert answer.object == "chat.completion" and answer.model == model
    assert answer.id.startswith("chatcmpl-") and answer.system_fingerprint.startswith("fp_")
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and "Paris" in choice.message.content
    assert choice.finish_reason in ("stop", "length")
    usage = answer.usage
    assert usage.prompt_tokens > 0 and 0 < usage.completion_tokens <= 24
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_stream_equals_answer(client, model):
    whole = ask(client, model)
    chunks = list(ask(client, model, stream=True, stream_options={"include_usage": True}))
    assert joined(chunks) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    finishes = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert finishes == [whole.choices[0].finish_reason]
    assert chunks[-1].choices == [] and all(chunk.usage is None for chunk in chunks[:-1])
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert len({(chunk.id, chunk.created, chunk.model, chunk.system_fingerprint) for chunk in chunks}) == 1


def test_stream_without_usage(client, model):
    chunks = list(ask(client, model, stream=True, max_tokens=4))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_prefix_is_cached(client, model):
    long = [{"role": "user", "content": "Count the cabins. " * 40}]
    first = ask(client, model, messages=long, max_tokens=4)
    second = ask(client, model, messages=long, max_tokens=4)
    assert second.usage.prompt_tokens_details.cached_tokens > 0
    assert second.choices[0].message.content == first.choices[0].message.content


@pytest.mark.parametrize("stream", [False, True])
def test_choices(client, model, stream):
    options = {"n": 3, "temperature": 1.2, "seed": 11, "max_tokens": 16}
    whole = ask(client, model, **options)
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    texts = [choice.message.content for choice in whole.choices]
    assert len(set(texts)) > 1
    if stream:
        chunks = list(ask(client, model, stream=True, **options))
        assert [joined(chunks, index) for index in range(3)] == texts


def test_seed(client, model):
    def sampled(seed):
        return ask(client, model, temperature=1.3, seed=seed, max_tokens=32).choices[0].message.content

    assert sampled(7) == sampled(7)
    assert len({sampled(seed) for seed in range(4)}) > 1


@pytest.mark.parametrize("stream", [False, True])
def test_stop(client, model, stream):
    text = ask(client, model).choices[0].message.content
    stop = text[len(text) // 2 :][:5]
    answer = ask(client, model, stop=[stop, "never in there"], stream=stream)
    if stream:
        chunks = list(answer)
        ended = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
        assert (joined(chunks), ended) == (text[: text.index(stop)], ["stop"])
    else:
        assert answer.choices[0].message.content == text[: text.index(stop)]
        assert answer.choices[0].finish_reason == "stop"


def test_length(client, model):
    answer = ask(client, model, max_completion_tokens=1, max_tokens=None)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 1


def test_logprobs(client, model):
    answer = ask(client, model, logprobs=True, top_logprobs=3, max_tokens=8)
    choice = answer.choices[0]
    content = choice.logprobs.content
    assert b"".join(bytes(token.bytes) for token in content) == choice.message.content.encode()
    for token in content:
        best = token.top_logprobs
        assert len(best) == 3 and [top.logprob for top in best] == sorted((top.logprob for top in best), reverse=True)
        assert token.token == best[0].token and token.logprob == best[0].logprob <= 0


def test_logprobs_ride_on_the_stream(client, model):
    whole = ask(client, model, logprobs=True, top_logprobs=1, max_tokens=8).choices[0].logprobs.content
    chunks = list(ask(client, model, logprobs=True, top_logprobs=1, max_tokens=8, stream=True))
    streamed = [choice.logprobs for chunk in chunks for choice in chunk.choices if choice.logprobs]
    assert [token for logprobs in streamed for token in logprobs.content] == whole


def test_the_prompt_of_a_chat_can_be_scored(client, model):
    answer = ask(client, model, max_tokens=2, extra_body={"prompt_logprobs": 1, "return_token_ids": True})
    places = answer.prompt_logprobs
    assert places[0] is None and len(places) == len(answer.prompt_token_ids) == answer.usage.prompt_tokens
    for token, place in zip(answer.prompt_token_ids[1:], places[1:]):
        own, best = place[str(token)], next(iter(place.values()))
        assert own["logprob"] <= best["logprob"] <= 0 and best["rank"] == 1 and own["rank"] >= 1


def test_conversation_and_odd_characters(client, model):
    messages = [
        {"role": "system", "content": "You repeat what you are told."},
        {"role": "user", "content": "안녕하세요 🚡 <|im_end|> é"},
        {"role": "assistant", "content": "안녕하세요 🚡"},
        {"role": "user", "content": [{"type": "text", "text": "Once more."}]},
    ]
    whole = ask(client, model, messages=messages, temperature=0.9, seed=3).choices[0].message.content
    chunks = list(ask(client, model, messages=messages, temperature=0.9, seed=3, stream=True))
    assert joined(chunks) == whole


def test_fields_beyond_openai(client, model):
    body = {"ignore_eos": True, "min_tokens": 40, "top_k": 5, "min_p": 0.01, "repetition_penalty": 1.1}
    answer = ask(client, model, max_tokens=40, extra_body=body)
    assert answer.usage.completion_tokens == 40


def test_bookkeeping_fields_are_accepted(client, model):
    answer = ask(client, model, user="someone", metadata={"a": "b"}, store=False, max_tokens=2)
    assert answer.usage.completion_tokens == 2


def test_request_id(client, model):
    answer = ask(client, model, max_tokens=1, extra_headers={"X-Request-Id": "cabin-7"})
    assert answer._request_id == "cabin-7"
    assert ask(client, model, max_tokens=1)._request_id


def test_many_at_once_say_the_same(server, client, model):
    alone = ask(client, model).choices[0].message.content

    async def crowd():
        async with server.async_client() as asked:
            return await asyncio.gather(*(ask(asked, model) for _ in range(16)))

    texts = [answer.choices[0].message.content for answer in asyncio.run(crowd())]
    assert texts == [alone] * 16
