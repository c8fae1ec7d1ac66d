"""Tokens of texts and chats, asked for through the official client, beside what a generation reports."""

import pytest

CHAT = [{"role": "user", "content": "Why is the sky blue?"}]


def post(client, path, **body):
    return client.with_options(base_url=str(client.base_url).removesuffix("v1/")).post(path, cast_to=object, body=body)


@pytest.mark.parametrize("text", ["The cabin climbs", " two  spaces\n", "naïve 🚡", "<|im_end|> is no text here"])
def test_text_round_trip(client, model, text):
    asked = post(client, "/tokenize", model=model, prompt=text)
    body = {"return_token_ids": True}
    run = client.completions.create(model=model, prompt=text, max_tokens=1, extra_body=body).choices[0]
    assert asked["tokens"] == run.prompt_token_ids and asked["count"] == len(asked["tokens"])
    assert post(client, "/detokenize", model=model, tokens=asked["tokens"])["prompt"] == text


def test_chat(client, model):
    run = client.chat.completions.create(model=model, messages=CHAT, max_tokens=1)
    counted = post(client, "/v1/chat/completions/input_tokens", model=model, messages=CHAT)
    assert counted["input_tokens"] == run.usage.prompt_tokens
    rendered = post(client, "/v1/chat/completions/render", model=model, messages=CHAT, temperature=0)
    assert len(rendered["token_ids"]) == run.usage.prompt_tokens
    assert rendered["sampling_params"]["temperature"] == 0
    text = post(client, "/apply-template", model=model, messages=CHAT)["prompt"]
    assert CHAT[0]["content"] in text
    assert post(client, "/tokenize", model=model, messages=CHAT)["tokens"] == rendered["token_ids"]
