"""instructor: a named tool for every form, and partial objects from streamed arguments, with the real model."""

import instructor
import pytest
from pydantic import BaseModel, Field

ASK = [{"role": "user", "content": "Describe a ski lift."}]


class Lift(BaseModel):
    name: str = Field(max_length=40)
    metres: int = Field(ge=1, le=9999)
    cabins: list[int] = Field(max_length=3)


@pytest.fixture(scope="module", params=[instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA], ids=["tools", "json_schema"])
def ask(request, client):
    return instructor.from_openai(client, mode=request.param)


def test_object_at_the_first_try(ask, model):
    options = {"model": model, "temperature": 1.2, "seed": 3, "max_tokens": 200, "max_retries": 0}
    assert isinstance(ask.create(messages=ASK, response_model=Lift, **options), Lift)


def test_partials_grow_to_a_whole(ask, model):
    options = {"model": model, "messages": ASK, "response_model": Lift, "temperature": 0, "max_tokens": 200, "max_retries": 0}
    partials = list(ask.create_partial(**options))
    Lift.model_validate(partials[-1].model_dump())
    names = [partial.name or "" for partial in partials]
    assert all(later.startswith(earlier) for earlier, later in zip(names, names[1:]))
    assert partials[0].metres is None and len(set(names)) > 2
