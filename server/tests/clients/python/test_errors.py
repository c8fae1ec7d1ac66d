"""Refusals arrive as the right exception class, with code and param."""

import openai
import pytest

USER = {"role": "user", "content": "Hello"}


def ask(client, model, **options):
    return client.chat.completions.create(model=model, **{"messages": [USER], "max_tokens": 2, **options})


BAD_CHATS = [
    ({"temperature": 3}, "decimal_above_max_value", "temperature"),
    ({"top_p": -0.1}, "decimal_below_min_value", "top_p"),
    ({"n": 99}, "integer_above_max_value", "n"),
    ({"max_tokens": 0}, "integer_below_min_value", "max_tokens"),
    ({"max_tokens": "many"}, "invalid_type", "max_tokens"),
    ({"messages": []}, "array_below_min_length", "messages"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, "invalid_value", "messages[0].role"),
    ({"top_logprobs": 2}, "invalid_value", "top_logprobs"),
    ({"stop": ["x"] * 17}, "array_above_max_length", "stop"),
    ({"extra_body": {"frobnicate": 1}}, "unknown_parameter", "frobnicate"),
    ({"extra_body": {"functions": []}}, "unsupported_parameter", "functions"),
    ({"max_tokens": 10_000_000}, "context_length_exceeded", "messages"),
]


@pytest.mark.parametrize(("options", "code", "param"), BAD_CHATS, ids=[row[1] + "-" + row[2] for row in BAD_CHATS])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_bad_request(client, model, options, code, param, stream):
    with pytest.raises(openai.BadRequestError) as error:
        ask(client, model, stream=stream, **options)
    assert (error.value.code, error.value.param) == (code, param)
    assert error.value.type == "invalid_request_error" and error.value.request_id


def test_context_length_is_said_in_numbers(client, model):
    with pytest.raises(openai.BadRequestError, match="maximum context length is [0-9]+ tokens"):
        ask(client, model, max_tokens=10_000_000)


def test_suffix_is_refused(client, model):
    with pytest.raises(openai.BadRequestError) as error:
        client.completions.create(model=model, prompt="a", suffix="b")
    assert error.value.param == "suffix"


def test_unknown_model(client):
    with pytest.raises(openai.NotFoundError) as error:
        ask(client, "no-such-model")
    assert (error.value.code, error.value.param) == ("model_not_found", "model")


def test_unknown_route(client):
    with pytest.raises(openai.NotFoundError) as error:
        client.get("/no/such/route", cast_to=object)
    assert error.value.code == "unknown_url"


KEY = "cabin-key-0123456789"


@pytest.fixture(scope="module")
def locked(start):
    server = start(key=KEY)
    yield server
    server.stop()


def test_the_right_key(locked):
    client = locked.client()
    answer = ask(client, client.models.list().data[0].id)
    assert answer.choices


@pytest.mark.parametrize("key", ["no-such-key-here", KEY + "x", KEY[:-1]])
def test_wrong_keys(locked, key):
    with pytest.raises(openai.AuthenticationError) as error:
        locked.client(api_key=key).models.list()
    assert error.value.code == "invalid_api_key" and key not in str(error.value)


def test_probes_are_open_and_metrics_are_not(locked):
    assert [locked.status(path) for path in ("/health", "/live", "/ready")] == [200] * 3
    assert locked.status("/metrics") == 401
    assert locked.metric("gondola:auth_failures_total") > 0
