"""Leaving early, running out of time, and a server that ends: never a hang, never a leaked block."""

import threading
import time

import httpx2
import openai
import pytest

ENDLESS = {"max_tokens": 2000, "extra_body": {"ignore_eos": True}}


def stream(client, model, **options):
    return client.completions.create(model=model, prompt="On and on", stream=True, **{**ENDLESS, **options})


def test_closing_a_stream_frees_its_blocks(server, client, model):
    with stream(client, model) as chunks:
        for _, chunk in zip(range(3), chunks):
            assert chunk.choices[0].finish_reason is None
        assert server.metric("vllm:num_requests_running") >= 1
    server.wait_until_idle()


def test_breaking_out_of_many_streams(server, model):
    clients = [server.client() for _ in range(8)]

    def leave(client):
        for number, _ in enumerate(stream(client, model)):
            if number == 2:
                break
        client.close()

    threads = [threading.Thread(target=leave, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.wait_until_idle()


def test_a_timeout_is_raised_and_frees_its_blocks(server, client, model):
    with pytest.raises(openai.APITimeoutError):
        client.completions.create(model=model, prompt="Too long", timeout=0.5, **ENDLESS)
    server.wait_until_idle()


def test_answers_are_right_afterwards(client, model):
    answers = [client.completions.create(model=model, prompt="Again", max_tokens=8, temperature=0) for _ in range(3)]
    assert len({answer.choices[0].text for answer in answers}) == 1


def test_running_work_ends_before_the_server_does(start):
    server = start()
    client = server.client()
    model = client.models.list().data[0].id
    chunks = stream(client, model, max_tokens=200)
    next(chunks)
    server.terminate()
    wait_until(lambda: server.status("/ready") == 503)
    assert server.status("/health") == 200
    with pytest.raises(openai.InternalServerError) as error:
        client.completions.create(model=model, prompt="New work", max_tokens=1)
    assert error.value.status_code == 503 and error.value.code == "shutting_down"
    assert int(error.value.response.headers["retry-after"]) >= 1
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "length"
    assert server.exit_code(seconds=10) == 0


def test_a_stream_cut_by_the_end_of_the_grace_is_an_error(start):
    server = start("--shutdown-timeout", "500ms")
    client = server.client()
    model = client.models.list().data[0].id
    chunks = stream(client, model)
    next(chunks)
    server.terminate()
    started = time.monotonic()
    with pytest.raises(openai.APIError) as error:
        list(chunks)
    assert error.value.code == "shutting_down"
    assert server.exit_code(seconds=5) == 0
    assert time.monotonic() - started < 5


def test_a_killed_server_is_an_error_not_a_hang(start):
    server = start()
    client = server.client(timeout=20)
    model = client.models.list().data[0].id
    chunks = stream(client, model)
    next(chunks)
    server.stop()
    with pytest.raises((openai.APIError, httpx2.HTTPError)):
        list(chunks)
    with pytest.raises(openai.APIConnectionError):
        client.models.list()


def test_a_second_signal_ends_it_at_once(start):
    server = start()
    client = server.client()
    chunks = stream(client, client.models.list().data[0].id)
    next(chunks)
    server.terminate()
    wait_until(lambda: server.status("/ready") == 503)
    server.terminate()
    started = time.monotonic()
    with pytest.raises(openai.APIError):
        list(chunks)
    assert server.exit_code(seconds=5) == 0
    assert time.monotonic() - started < 2


def test_after_a_kill_it_serves_again_on_the_same_port(start):
    server = start()
    model = server.client().models.list().data[0].id
    before = server.client().completions.create(model=model, prompt="Again", max_tokens=8, temperature=0)
    server.stop()
    again = start(port=server.port)
    after = again.client().completions.create(model=model, prompt="Again", max_tokens=8, temperature=0)
    assert after.choices[0].text == before.choices[0].text
    assert after.system_fingerprint == before.system_fingerprint
    again.terminate()
    assert again.exit_code(seconds=5) == 0


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
