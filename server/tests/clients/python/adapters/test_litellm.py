"""LiteLLM: its own exceptions from our words, its joined streams, with the real model."""

import json
from concurrent.futures import ThreadPoolExecutor

import litellm
import pytest

ASK = [{"role": "user", "content": "What is the weather in Zermatt?"}]
PARAMETERS = {
    "type": "object",
    "properties": {"town": {"type": "string", "maxLength": 20}},
    "required": ["town"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]
NAMED = {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "weather"}}}


@pytest.fixture(scope="module", autouse=True)
def quiet():
    litellm.telemetry = False
    litellm.suppress_debug_info = True


@pytest.fixture(scope="module")
def complete(server, model):
    def ask(at=server, **options):
        settings = {"model": f"openai/{model}", "temperature": 0, "max_tokens": 60, "max_retries": 0, **options}
        return litellm.completion(**{"api_base": f"{at.address}/v1", "api_key": "none", "messages": ASK, **settings})

    return ask


@pytest.fixture(scope="module")
def locked(start):
    """A server with a key, one place to run and one to wait."""
    server = start("--max-num-seqs", "1", "--max-num-queued-reqs", "1", key="cabin-key-0123456789")
    yield server
    server.stop()


@pytest.mark.parametrize("options", [{}, NAMED], ids=["text", "tools"])
def test_chunks_join_to_the_whole(complete, options):
    whole = complete(**options)
    chunks = list(complete(stream=True, stream_options={"include_usage": True}, **options))
    joined = litellm.stream_chunk_builder(chunks, messages=ASK)
    mine, other = joined.choices[0], whole.choices[0]
    assert len(chunks) > 3 and mine.finish_reason == other.finish_reason
    assert (mine.message.content or "") == (other.message.content or "")
    assert calls(mine) == calls(other)
    # With an estimate instead of the usage chunk these would differ: it counts with another tokenizer.
    for key in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert getattr(joined.usage, key) == getattr(whole.usage, key) > 0


def calls(choice):
    return [(call.function.name, call.function.arguments) for call in choice.message.tool_calls or []]


def test_named_tool_is_called(complete):
    ((name, arguments),) = calls(complete(**NAMED).choices[0])
    assert name == "weather" and set(json.loads(arguments)) == {"town"}


@pytest.mark.parametrize(
    "options, kind",
    [
        ({"max_tokens": 10_000_000}, litellm.ContextWindowExceededError),
        ({"messages": [{"role": "user", "content": "snow " * 9000}]}, litellm.ContextWindowExceededError),
        ({"temperature": 3}, litellm.BadRequestError),
        ({"model": "openai/no-such-model"}, litellm.NotFoundError),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_errors_are_mapped(complete, options, kind, stream):
    with pytest.raises(kind) as error:
        complete(stream=stream, **options)
    assert type(error.value) is kind


def test_wrong_key(complete, locked):
    with pytest.raises(litellm.AuthenticationError):
        complete(at=locked, api_key="another-key-0123456789")


def test_full_queue(complete, locked, model):
    client = locked.client()
    options = {"model": model, "prompt": "Up", "extra_body": {"ignore_eos": True}}
    with client.completions.create(max_tokens=300, stream=True, **options) as running, ThreadPoolExecutor() as pool:
        next(iter(running))
        waiting = pool.submit(client.completions.create, max_tokens=1, **options)
        locked.wait_for_metric("vllm:num_requests_waiting", 1)
        with pytest.raises(litellm.RateLimitError):
            complete(at=locked, api_key=locked.key)
        running.close()
        assert waiting.result().usage.completion_tokens == 1
