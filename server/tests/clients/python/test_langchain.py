"""LangChain's client: what it sends beyond the official one, with the real model."""

from functools import reduce
from operator import add

import openai
import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

ASK = [HumanMessage("What is the weather in Zermatt?")]


class GetWeather(BaseModel):
    """The weather of a town."""

    town: str = Field(max_length=30)
    days: int = Field(ge=1, le=7)


class Ring(BaseModel):
    """Rings the bell."""

    times: int = Field(ge=1, le=3)


@pytest.fixture(scope="module")
def chat(server, model):
    def make(**options):
        settings = {"model": model, "api_key": "none", "temperature": 0, "max_tokens": 120, "max_retries": 0, **options}
        return ChatOpenAI(base_url=f"{server.address}/v1", **settings)

    return make


def test_stream_is_the_same_and_counts(chat):
    whole = chat(max_tokens=24).invoke(ASK)
    chunks = list(chat(max_tokens=24, stream_usage=True).stream(ASK))
    streamed = reduce(add, chunks)
    assert len(chunks) > 3 and streamed.text == whole.text
    assert streamed.response_metadata["finish_reason"] == whole.response_metadata["finish_reason"]
    assert sum(chunk.usage_metadata is not None for chunk in chunks) == 1
    for key in ("input_tokens", "output_tokens", "total_tokens"):
        assert streamed.usage_metadata[key] == whole.usage_metadata[key] > 0
    assert whole.usage_metadata["input_tokens"] + whole.usage_metadata["output_tokens"] == whole.usage_metadata["total_tokens"]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output(chat, method):
    bound = chat(temperature=1.2, seed=5).with_structured_output(GetWeather, method=method, include_raw=True)
    answer = bound.invoke(ASK)
    assert answer["parsing_error"] is None and isinstance(answer["parsed"], GetWeather)
    assert bool(answer["raw"].tool_calls) == (method == "function_calling")


@pytest.mark.parametrize("choice, names", [("any", {"GetWeather", "Ring"}), ("Ring", {"Ring"})])
def test_forced_tools(chat, choice, names):
    bound = chat(temperature=1.2, seed=2).bind_tools([GetWeather, Ring], tool_choice=choice)
    answer = bound.invoke(ASK)
    assert answer.tool_calls and not answer.invalid_tool_calls
    assert {call["name"] for call in answer.tool_calls} <= names
    for call in answer.tool_calls:
        {"GetWeather": GetWeather, "Ring": Ring}[call["name"]].model_validate(call["args"])


def test_streamed_calls_join_and_take_a_result(chat):
    bound = chat().bind_tools([GetWeather], tool_choice="GetWeather")
    whole, streamed = bound.invoke(ASK), reduce(add, bound.stream(ASK))
    (call,) = streamed.tool_calls
    assert call["args"] == whole.tool_calls[0]["args"]
    result = ToolMessage("snow", tool_call_id=call["id"])
    answer = chat(max_tokens=20).bind_tools([GetWeather], tool_choice="none").invoke([*ASK, streamed, result])
    assert answer.text and not answer.tool_calls


def test_auto_gives_text_or_whole_calls(chat):
    answer = chat().bind_tools([Ring], tool_choice="auto").invoke(ASK)
    assert answer.text or answer.tool_calls
    assert bool(answer.tool_calls) == (answer.response_metadata["finish_reason"] == "tool_calls")


@pytest.mark.parametrize(
    "options, kind, code",
    [
        ({"max_tokens": 10_000_000}, openai.BadRequestError, "context_length_exceeded"),
        ({"temperature": 3}, openai.BadRequestError, "decimal_above_max_value"),
        ({"model": "no-such-model"}, openai.NotFoundError, "model_not_found"),
    ],
)
def test_errors_keep_their_code(chat, options, kind, code):
    with pytest.raises(kind) as error:
        chat(**options).invoke(ASK)
    assert error.value.code == code
