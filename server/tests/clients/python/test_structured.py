"""Structured outputs: what the official client asks for, with the real model."""

import json
from enum import Enum

import openai
import pytest
from pydantic import BaseModel, Field

LIFT = [{"role": "user", "content": "Describe a ski lift with its name, its length in metres and its cabins as JSON."}]


class Weather(str, Enum):
    SUN = "sun"
    SNOW = "snow"


class Cabin(BaseModel):
    number: int = Field(ge=1, le=99)
    seats: int


class Lift(BaseModel):
    name: str = Field(max_length=40)
    metres: float
    weather: Weather
    cabins: list[Cabin] = Field(max_length=2)
    closed_because: str | None = Field(max_length=40)


SCHEMA = {"type": "json_schema", "json_schema": {"name": "lift", "strict": True, "schema": Lift.model_json_schema()}}


@pytest.mark.parametrize("seed", range(4))
def test_parse(client, model, seed):
    answer = client.chat.completions.parse(
        model=model, messages=LIFT, response_format=Lift, temperature=1.5, seed=seed, max_tokens=400
    )
    choice = answer.choices[0]
    assert choice.finish_reason == "stop"
    assert isinstance(choice.message.parsed, Lift) and len(choice.message.parsed.cabins) <= 2


def test_parse_raises_when_cut(client, model):
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model=model, messages=LIFT, response_format=Lift, max_tokens=5)


def test_stream_helper(client, model):
    options = {"model": model, "messages": LIFT, "response_format": Lift, "temperature": 0, "max_tokens": 400}
    with client.chat.completions.stream(**options) as stream:
        parsed = stream.get_final_completion().choices[0].message.parsed
    assert parsed == client.chat.completions.parse(**options).choices[0].message.parsed


@pytest.mark.parametrize("stream", [False, True])
def test_json_object(client, model, stream):
    options = {"response_format": {"type": "json_object"}, "temperature": 0.7, "seed": 3, "max_tokens": 300}
    answer = client.chat.completions.create(model=model, messages=LIFT, stream=stream, **options)
    if stream:
        chunks = [chunk.choices[0] for chunk in answer]
        text, reason = "".join(chunk.delta.content or "" for chunk in chunks), chunks[-1].finish_reason
    else:
        text, reason = answer.choices[0].message.content, answer.choices[0].finish_reason
    assert text.lstrip().startswith("{")
    if reason == "stop":
        assert isinstance(json.loads(text), dict)


def test_choices_share_a_form(client, model):
    options = {"n": 4, "temperature": 1.2, "seed": 9, "max_tokens": 400}
    answer = client.chat.completions.create(model=model, messages=LIFT, response_format=SCHEMA, **options)
    for choice in answer.choices:
        assert choice.finish_reason == "stop"
        Lift.model_validate_json(choice.message.content)


def test_a_form_changes_nothing_for_others(client, model):
    """The same answer alone and beside bound ones: batch invariance holds under masks."""
    options = {"messages": LIFT, "temperature": 0, "max_tokens": 60}
    alone = client.chat.completions.create(model=model, **options).choices[0].message.content
    with client.chat.completions.create(model=model, stream=True, response_format=SCHEMA, **options) as bound:
        next(iter(bound))
        assert client.chat.completions.create(model=model, **options).choices[0].message.content == alone


@pytest.mark.parametrize(
    "extra, allowed",
    [
        ({"guided_choice": ["yes", "no", "perhaps"]}, {"yes", "no", "perhaps"}),
        ({"structured_outputs": {"choice": ["bergwärts", "talwärts"]}}, {"bergwärts", "talwärts"}),
    ],
)
def test_choice(client, model, extra, allowed):
    answer = client.chat.completions.create(
        model=model, messages=LIFT, temperature=1.5, seed=1, logprobs=True, top_logprobs=2, extra_body=extra
    )
    choice = answer.choices[0]
    assert choice.message.content in allowed and choice.finish_reason == "stop"
    joined = b"".join(bytes(token.bytes) for token in choice.logprobs.content)
    assert joined.decode() == choice.message.content


def test_what_cannot_be_kept_is_refused(client, model):
    schema = {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}}
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=model, messages=LIFT, response_format=form)
    assert refused.value.code == "invalid_schema"
    assert refused.value.param == "response_format.json_schema.schema.properties.a.uniqueItems"


def test_a_form_that_costs_too_much_is_refused(client, model):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(
            model=model, messages=LIFT, max_tokens=50, extra_body={"regex": "((a{0,900}){0,900}){0,900}"}
        )
    assert refused.value.code == "grammar_too_complex"
