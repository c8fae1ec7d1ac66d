"""What an answer may be made of: only some tokens, not these words, nothing twice."""

import openai
import pytest


def complete(client, model, prompt="The cabin of the gondola climbs and", **members):
    beyond = members.pop("beyond", {})
    return client.completions.create(
        model=model, prompt=prompt, temperature=0, extra_body={"return_token_ids": True, **beyond}, **members
    )


def tokens_of(client, text):
    answer = client.post("/tokenize", body={"model": client.models.list().data[0].id, "prompt": text, "add_special_tokens": False}, cast_to=object)
    return answer["tokens"]


def test_allowed_tokens_are_all_there_is(client, model):
    allowed = tokens_of(client, " up down left right")
    answer = complete(client, model, max_tokens=24, beyond={"allowed_token_ids": allowed}).choices[0]
    assert len(answer.token_ids) == 24 and set(answer.token_ids) <= set(allowed)


def test_bad_words_do_not_come(client, model):
    plain = complete(client, model, max_tokens=24).choices[0].text
    words = plain.split()[:3]
    text = complete(client, model, max_tokens=24, beyond={"bad_words": words}).choices[0].text
    assert text and not any(word in text.split() for word in words), (words, text)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_no_sequence_comes_twice(client, model, size):
    prompt = "up up and up and away, up up and up and away, up up and"
    answer = complete(client, model, prompt, max_tokens=32, beyond={"no_repeat_ngram_size": size, "ignore_eos": True})
    tokens = tokens_of(client, prompt) + answer.choices[0].token_ids
    sequences = [tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)]
    new = sequences[-32:]
    assert len(new) == len(set(new)) and not set(new) & set(sequences[:-32])


def test_typical_sampling_is_reproducible(client, model):
    def draw(typical_p):
        body = {"typical_p": typical_p}
        prompt = "Once upon a time"
        answer = client.completions.create(model=model, prompt=prompt, max_tokens=24, seed=7, extra_body=body)
        return answer.choices[0].text

    assert draw(0.2) == draw(0.2) != draw(1)


def test_other_tokens_are_reported(client, model):
    ids = tokens_of(client, " valley hill")
    body = {"logprob_token_ids": ids, "return_tokens_as_token_ids": True}
    messages = [{"role": "user", "content": "Where does a gondola go?"}]
    answer = client.chat.completions.create(
        model=model, messages=messages, max_tokens=3, temperature=0, logprobs=True, top_logprobs=2, extra_body=body
    )
    for token in answer.choices[0].logprobs.content:
        reported = [top.token for top in token.top_logprobs]
        assert set(reported) >= {f"token_id:{id}" for id in ids} and 2 <= len(reported) <= 2 + len(ids)


def test_nothing_left_is_the_clients_fault(client, model):
    with pytest.raises(openai.BadRequestError) as refused:
        complete(client, model, max_tokens=4, beyond={"allowed_token_ids": [40], "no_repeat_ngram_size": 1})
    assert refused.value.param == "allowed_token_ids" and refused.value.code == "invalid_value"
