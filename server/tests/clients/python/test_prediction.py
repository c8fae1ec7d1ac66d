"""Predicted outputs: the same answer, in fewer steps."""

QUESTION = [{"role": "user", "content": "Count from one to twelve in words, separated by commas."}]


def ask(client, model, **members):
    return client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=48, **members)


def test_a_right_prediction_is_accepted(client, model):
    plain = ask(client, model)
    text = plain.choices[0].message.content
    answer = ask(client, model, prediction={"type": "content", "content": text})
    assert answer.choices[0].message.content == text
    details = answer.usage.completion_tokens_details
    assert details.accepted_prediction_tokens > answer.usage.completion_tokens / 2
    assert details.rejected_prediction_tokens <= 4
    assert plain.usage.completion_tokens_details.accepted_prediction_tokens is None


def test_a_stream_with_a_changed_prediction_says_the_same(client, model):
    text = ask(client, model).choices[0].message.content
    changed = text.replace("two", "zwei").replace("five", "fuenf")
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(ask(client, model, prediction={"type": "content", "content": changed}, **options))
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == text
    assert chunks[-1].usage.completion_tokens_details.rejected_prediction_tokens is not None
