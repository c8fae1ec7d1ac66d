"""Servers and clients for the tests; each kind of server is started once."""

import os

import pytest

from gondola import Server

# Set before the tests import the packages that read them. No client talks to anything but the server: LiteLLM's
# tables come with it, LangChain traces nothing.
os.environ.update(
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS="True",
    LANGSMITH_TRACING="false",
    LANGCHAIN_TRACING_V2="false",
)


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """Starts servers that end with the tests."""
    servers = []

    def begin(*flags, **options):
        log = tmp_path_factory.mktemp("server") / "log"
        servers.append(Server(*flags, log=log, **options))
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start):
    """A server with default flags."""
    return start()


@pytest.fixture(scope="session")
def client(server):
    return server.client()


@pytest.fixture(scope="session")
def model(client):
    return client.models.list().data[0].id
