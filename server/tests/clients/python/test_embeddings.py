"""Vectors, through the official client and LangChain's, with the real model."""

import base64
import math
import struct
import threading

import openai
import pytest
from langchain_openai import OpenAIEmbeddings

TEXTS = ["The cabin climbs to the upper station.", "naïve 🚡", "A gondola is a boat."]


def embed(client, model, **options):
    return client.embeddings.create(model=model, **{"input": TEXTS, **options})


def vectors(answer):
    return [item.embedding for item in answer.data]


def dot(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_default_is_base64_on_the_wire_and_numbers_for_the_caller(client, model):
    raw = client.embeddings.with_raw_response.create(model=model, input=TEXTS)
    written = raw.http_response.json()["data"][0]["embedding"]
    assert isinstance(written, str), "the client asks for base64 when its caller says nothing"
    answer = raw.parse()
    first = answer.data[0].embedding
    assert list(struct.unpack(f"<{len(first)}f", base64.b64decode(written))) == first
    assert answer.object == "list" and answer.model == model
    assert [item.index for item in answer.data] == [0, 1, 2]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 10


def test_float_is_the_same(client, model):
    as_written = vectors(embed(client, model, encoding_format="float"))
    for vector, other in zip(as_written, vectors(embed(client, model)), strict=True):
        assert struct.pack(f"{len(vector)}f", *vector) == struct.pack(f"{len(other)}f", *other)
        assert math.isclose(dot(vector, vector), 1, rel_tol=1e-5)


def test_dimensions_are_cut_and_of_unit_length(client, model):
    whole = vectors(embed(client, model))[0]
    cut = vectors(embed(client, model, dimensions=64))[0]
    assert len(cut) == 64 and math.isclose(dot(cut, cut), 1, rel_tol=1e-5)
    length = math.sqrt(dot(whole[:64], whole[:64]))
    assert [value * length for value in cut] == pytest.approx(whole[:64], abs=1e-6)
    with pytest.raises(openai.BadRequestError) as refused:
        embed(client, model, dimensions=len(whole) + 1)
    assert refused.value.code == "integer_above_max_value" and refused.value.param == "dimensions"


def test_a_thousand_inputs_as_ids(client, model, server):
    ids = [[(7 * index + place) % 1000 + 20 for place in range(1 + index % 5)] for index in range(1000)]
    answer = embed(client, model, input=ids)
    assert answer.usage.prompt_tokens == sum(map(len, ids))
    for index in (0, 1, 500, 999):
        assert vectors(embed(client, model, input=ids[index]))[0] == answer.data[index].embedding, "bit for bit"
    server.wait_until_idle()


def test_a_chat_meanwhile_is_answered_and_no_bit_changes(client, model, server):
    texts = [f"{text} {index}" for index in range(60) for text in TEXTS]
    alone = vectors(embed(client, model, input=texts[:3]))
    found = []
    thread = threading.Thread(target=lambda: found.append(vectors(embed(client, model, input=texts))))
    thread.start()
    chat = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Say hello."}], max_tokens=8, temperature=0
    )
    thread.join()
    assert chat.choices[0].message.content and found[0][:3] == alone
    server.wait_until_idle()


def test_texts_that_are_alike_are_near(client, model):
    near, nearer, far = vectors(
        embed(client, model, input=["The cat sits on the mat.", "The cat sat on the mat.", "SELECT name FROM users;"])
    )
    assert dot(near, nearer) > dot(near, far)


def test_messages_and_truncation(client, model):
    messages = [{"role": "user", "content": "hello"}]
    body = {"messages": messages, "input": None}
    chat = embed(client, model, extra_body=body)
    assert len(chat.data) == 1 and chat.usage.prompt_tokens > 5
    long = "up and down " * 3000
    with pytest.raises(openai.BadRequestError) as refused:
        embed(client, model, input=long)
    assert refused.value.code == "context_length_exceeded" and refused.value.param == "input"
    assert embed(client, model, input=long, extra_body={"truncate_prompt_tokens": 9}).usage.prompt_tokens == 9


@pytest.mark.parametrize(
    "options, code",
    [
        ({"input": []}, "array_below_min_length"),
        ({"input": ["x", ""]}, "string_below_min_length"),
        ({"input": [10**6]}, "integer_above_max_value"),
        ({"encoding_format": "int8"}, "invalid_value"),
        ({"extra_body": {"messages": [{"role": "user", "content": "x"}]}}, "invalid_value"),
        ({"extra_body": {"pooling": "mean"}}, "unknown_parameter"),
    ],
)
def test_refusals(client, model, options, code):
    with pytest.raises(openai.BadRequestError) as refused:
        embed(client, model, **options)
    assert refused.value.code == code


def test_langchain(server, client, model):
    # Texts, not ids: its token ids would be those of OpenAI's own vocabulary.
    embeddings = OpenAIEmbeddings(
        model=model, base_url=f"{server.address}/v1", api_key="none", check_embedding_ctx_length=False, max_retries=0
    )
    documents = embeddings.embed_documents([f"{text} {index}" for index in range(400) for text in TEXTS])
    assert len(documents) == 1200
    query = embeddings.embed_query(f"{TEXTS[1]} 7")
    assert query == documents[3 * 7 + 1]


def test_the_task_is_listed(client):
    assert "embed" in client.models.list().data[0].tasks
