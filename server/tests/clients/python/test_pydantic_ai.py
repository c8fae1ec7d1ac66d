"""pydantic-ai's agents: tool output, native output, and a tool whose result goes back, with the real model."""

import pytest
from pydantic import BaseModel, Field
from pydantic_ai import Agent, ModelHTTPError, NativeOutput, ToolOutput
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import ToolCallPart, ToolReturnPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

ASK = "What is the weather in Zermatt?"
COLD = {"temperature": 0, "max_tokens": 120}
WARM = {"temperature": 1.2, "seed": 4, "max_tokens": 200}


class Weather(BaseModel):
    town: str = Field(max_length=30)
    degrees: int = Field(ge=-30, le=40)


class ForceFirst(AbstractCapability):
    """Forces a call of a tool in the first step, and text afterwards."""

    def get_model_settings(self):
        return lambda context: {"tool_choice": "required" if context.run_step <= 1 else "none"}


@pytest.fixture(scope="module")
def chat(server, model):
    return OpenAIChatModel(model, provider=OpenAIProvider(openai_client=server.async_client()))


def parts(result, kind):
    return [part for message in result.all_messages() for part in message.parts if isinstance(part, kind)]


def test_tool_output(chat):
    result = Agent(chat, output_type=ToolOutput(Weather, name="report"), retries=0).run_sync(ASK, model_settings=WARM)
    assert isinstance(result.output, Weather)
    assert [call.tool_name for call in parts(result, ToolCallPart)] == ["report"]


def test_native_output(chat):
    result = Agent(chat, output_type=NativeOutput(Weather), retries=0).run_sync(ASK, model_settings=WARM)
    assert isinstance(result.output, Weather) and not parts(result, ToolCallPart)


def test_result_goes_back(chat):
    """Two steps: a forced call, then text, with the call's id and the tokens of both."""
    asked = []
    agent = Agent(chat, capabilities=[ForceFirst()], retries=0)

    @agent.tool_plain
    def days_of_snow(days: int) -> str:
        asked.append(days)
        return "snow"

    result = agent.run_sync(ASK, model_settings=COLD)
    (call,), (back,) = parts(result, ToolCallPart), parts(result, ToolReturnPart)
    assert asked == [call.args_as_dict()["days"]] and back.tool_call_id == call.tool_call_id
    assert isinstance(result.output, str) and result.output
    steps = [message.usage for message in result.all_messages() if message.kind == "response"]
    assert len(steps) == result.usage.requests == 2
    assert result.usage.input_tokens == sum(step.input_tokens for step in steps) > 0
    assert result.usage.output_tokens == sum(step.output_tokens for step in steps) > 0


def test_stream_is_the_same(chat):
    agent = Agent(chat, output_type=ToolOutput(Weather), retries=0)
    whole = agent.run_sync(ASK, model_settings=COLD)
    streamed = agent.run_stream_sync(ASK, model_settings=COLD)
    assert streamed.get_output() == whole.output
    assert streamed.usage.output_tokens == whole.usage.output_tokens > 0


def test_errors_keep_status_and_code(chat):
    with pytest.raises(ModelHTTPError) as error:
        Agent(chat).run_sync(ASK, model_settings={"max_tokens": 10_000_000})
    assert error.value.status_code == 400 and error.value.body["code"] == "context_length_exceeded"
