"""Calls of tools: what the official client asks for, with the real model, whose template knows none."""

import json

import openai
import pytest
from pydantic import BaseModel, Field

ASK = [{"role": "user", "content": "What is the weather in Zermatt?"}]


class GetWeather(BaseModel):
    """The weather of a town."""

    town: str = Field(max_length=30)
    days: int = Field(ge=1, le=7)


class Ring(BaseModel):
    """Rings the bell."""


TOOLS = [openai.pydantic_function_tool(GetWeather), openai.pydantic_function_tool(Ring)]
NAMED = {"type": "function", "function": {"name": "GetWeather"}}


@pytest.mark.parametrize("seed", range(4))
def test_required(client, model, seed):
    options = {"tool_choice": "required", "parallel_tool_calls": False, "temperature": 1.2, "seed": seed, "max_tokens": 200}
    answer = client.chat.completions.parse(model=model, messages=ASK, tools=TOOLS, **options)
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls" and choice.message.content is None
    (call,) = choice.message.tool_calls
    assert isinstance(call.function.parsed_arguments, (GetWeather, Ring))


def test_stream_is_the_same(client, model):
    options = {"tool_choice": NAMED, "temperature": 0, "max_tokens": 200, "model": model, "messages": ASK, "tools": TOOLS}
    whole = client.chat.completions.create(**options).choices[0].message.tool_calls
    with client.chat.completions.stream(**options) as stream:
        streamed = stream.get_final_completion().choices[0]
    assert streamed.finish_reason == "tool_calls"
    assert [call.function.arguments for call in streamed.message.tool_calls] == [c.function.arguments for c in whole]
    assert isinstance(streamed.message.tool_calls[0].function.parsed_arguments, GetWeather)


def test_result_goes_back(client, model):
    options = {"model": model, "temperature": 0, "max_tokens": 60, "tools": TOOLS}
    first = client.chat.completions.create(messages=ASK, tool_choice=NAMED, **options).choices[0].message
    result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": json.dumps({"weather": "snow"})}
    second = client.chat.completions.create(messages=[*ASK, first, result], tool_choice="none", **options).choices[0]
    assert second.message.content and not second.message.tool_calls


def test_auto_answers_or_calls(client, model):
    answer = client.chat.completions.create(model=model, messages=ASK, tools=TOOLS, temperature=0, max_tokens=200)
    choice = answer.choices[0]
    assert choice.finish_reason in ("stop", "tool_calls", "length")
    for call in choice.message.tool_calls or []:
        if choice.finish_reason == "tool_calls":
            json.loads(call.function.arguments)


def test_foreign_result_is_refused(client, model):
    messages = [*ASK, {"role": "tool", "tool_call_id": "call_other", "content": "snow"}]
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(model=model, messages=messages, tools=TOOLS)
    assert error.value.param == "messages[1].tool_call_id"
