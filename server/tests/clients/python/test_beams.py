"""Beam search: the likeliest texts as wholes."""

import json

PROMPT = "The capital of France is"


def search(client, model, **members):
    extra = {"use_beam_search": True, **members.pop("extra_body", {})}
    return client.completions.create(model=model, prompt=PROMPT, max_tokens=12, extra_body=extra, **members)


def mean(choice):
    logprobs = choice.logprobs.token_logprobs
    return sum(logprobs) / len(logprobs)


def test_the_best_of_eight_beams_come_first_and_beat_the_greedy_text(client, model):
    ignore = {"ignore_eos": True}
    greedy = client.completions.create(
        model=model, prompt=PROMPT, max_tokens=12, temperature=0, logprobs=1, extra_body=ignore
    )
    beams = search(client, model, n=3, best_of=8, logprobs=1, extra_body=ignore)
    scores = [mean(choice) for choice in beams.choices]
    assert scores == sorted(scores, reverse=True)
    assert len({choice.text for choice in beams.choices}) == 3
    assert scores[0] >= mean(greedy.choices[0]) - 1e-6


def test_one_beam_is_the_greedy_text(client, model):
    greedy = client.completions.create(model=model, prompt=PROMPT, max_tokens=12, temperature=0)
    assert search(client, model).choices[0].text == greedy.choices[0].text


def test_a_chat_streams_what_it_answers_whole(client, model):
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "Name a colour."}],
        "max_tokens": 16,
        "n": 2,
        "extra_body": {"use_beam_search": True, "best_of": 4, "length_penalty": 1.2},
    }
    whole = client.chat.completions.create(**body)
    said = ["", ""]
    for chunk in client.chat.completions.create(**body, stream=True):
        for choice in chunk.choices:
            said[choice.index] += choice.delta.content or ""
    assert said == [choice.message.content for choice in whole.choices]


def test_every_beam_keeps_its_schema(client, model):
    schema = {
        "type": "object",
        "properties": {"colour": {"enum": ["red", "green", "blue"]}, "bright": {"type": "boolean"}},
        "required": ["colour", "bright"],
        "additionalProperties": False,
    }
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Describe the sky as JSON."}],
        n=3,
        max_tokens=64,
        response_format={"type": "json_schema", "json_schema": {"name": "sky", "schema": schema, "strict": True}},
        extra_body={"use_beam_search": True, "best_of": 4},
    )
    skies = [json.loads(choice.message.content) for choice in answer.choices]
    assert all(sky["colour"] in ("red", "green", "blue") and isinstance(sky["bright"], bool) for sky in skies)


def test_a_tool_is_called_by_the_likeliest_beam(client, model):
    parameters = {"type": "object", "properties": {"town": {"type": "string", "maxLength": 12}}, "required": ["town"]}
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "What is the weather in Zermatt?"}],
        tools=[{"type": "function", "function": {"name": "weather", "parameters": parameters}}],
        tool_choice="required",
        parallel_tool_calls=False,
        max_tokens=64,
        extra_body={"use_beam_search": True, "best_of": 3},
    )
    (call,) = answer.choices[0].message.tool_calls
    assert call.function.name == "weather" and set(json.loads(call.function.arguments)) == {"town"}
