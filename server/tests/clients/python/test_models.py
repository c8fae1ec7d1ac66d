"""Listing and retrieving models."""

import openai
import pytest


def test_list_and_retrieve_agree(client):
    models = client.models.list().data
    assert len(models) == 1
    model = client.models.retrieve(models[0].id)
    assert model == models[0]
    assert model.object == "model" and model.owned_by == "gondola"
    assert model.max_model_len > 0


def test_unknown_model(client):
    with pytest.raises(openai.NotFoundError) as error:
        client.models.retrieve("no-such-model")
    assert error.value.code == "model_not_found"
    assert error.value.status_code == 404
