"""A full queue refuses with Retry-After, and the client's own retries get through by honouring it."""

import threading
import time

import openai
import pytest

LONG = {"ignore_eos": True}


@pytest.fixture(scope="module")
def small(start):
    server = start("--max-num-seqs", "1", "--max-num-queued-reqs", "1")
    yield server
    server.stop()


@pytest.fixture
def full(small):
    """The server with one request running and one waiting."""
    client = small.client()
    model = client.models.list().data[0].id
    running = client.completions.create(model=model, prompt="Up", max_tokens=300, stream=True, extra_body=LONG)
    next(running)
    answers = []

    def wait():
        answers.append(client.completions.create(model=model, prompt="Down", max_tokens=4, extra_body=LONG))

    waiting = threading.Thread(target=wait)
    waiting.start()
    small.wait_for_metric("vllm:num_requests_waiting", 1)
    drain = threading.Thread(target=lambda: list(running))
    drain.start()
    yield model
    waiting.join()
    drain.join()
    assert answers[0].usage.completion_tokens == 4
    small.wait_until_idle()


def test_refused_with_the_time_to_wait(small, full):
    start = time.monotonic()
    with pytest.raises(openai.RateLimitError) as error:
        small.client().completions.create(model=full, prompt="Aside", max_tokens=4)
    assert time.monotonic() - start < 2
    assert error.value.code == "queue_full" and error.value.type == "rate_limit_error"
    headers = error.value.response.headers
    assert 1 <= int(headers["retry-after"]) <= 60
    assert int(headers["retry-after-ms"]) <= 60_000


def test_retries_wait_as_told_and_get_through(small, full):
    seen = []

    def note(response):
        wait_ms = int(response.headers.get("retry-after-ms", 0))
        seen.append((time.monotonic(), response.status_code, wait_ms))

    http_client = openai.DefaultHttpxClient(event_hooks={"response": [note]})
    client = small.client(max_retries=30, http_client=http_client)
    answer = client.completions.create(model=full, prompt="Aside", max_tokens=4, extra_body=LONG)
    assert answer.usage.completion_tokens == 4
    assert [status for _, status, _ in seen] == [429] * (len(seen) - 1) + [200] and len(seen) > 1
    for (refused, _, wait_ms), (again, _, _) in zip(seen, seen[1:]):
        assert again - refused >= wait_ms / 1000 - 0.05
