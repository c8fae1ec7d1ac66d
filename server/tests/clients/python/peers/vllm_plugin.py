"""Gondola in place of `vllm serve`, for the tests of vLLM.

Their tests import vLLM itself. Whatever of it is imported is absent here and says so when it is used, but for the
helper that starts a server and the tokenizer of the model.
"""

import importlib.abc
import importlib.machinery
import sys
import types

import pytest

import vllm_stand_in

ABSENT = (
    "PIL",
    "cbor2",
    "fastapi",
    "huggingface_hub",
    "lm_eval",
    "mcp",
    "model_hosting_container_standards",
    "openai_harmony",
    "orjson",
    "pybase64",
    "rapidfuzz",
    "schemathesis",
    "starlette",
    "tests.conftest",
    "tests.utils",
    "torch",
    "transformers",
    "uvicorn",
    "vllm",
)
running = False


class Absent:
    """Anything of a package that is not here: nothing happens to it while tests are collected, and a test that uses it
    is skipped."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, name):
        return attribute(self._name, name)

    def __call__(self, *arguments, **_):
        if running:
            pytest.skip(f"uses {self._name.split('.')[0]} itself, not over HTTP")
        # As a decorator it leaves what it decorates.
        return arguments[0] if len(arguments) == 1 and callable(arguments[0]) else self

    def _itself(self, _):
        return self

    __or__ = __ror__ = __add__ = __radd__ = __truediv__ = __getitem__ = _itself

    def __bool__(self):
        return False

    def __iter__(self):
        return iter(())

    def __mro_entries__(self, _):
        return (object,)


class AbsentModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT or name in ABSENT:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__path__ = []
        module.__getattr__ = lambda name: attribute(spec.name, name)
        return module

    def exec_module(self, module):
        for name, value in vllm_stand_in.PRESENT.get(module.__name__, {}).items():
            setattr(module, name, value)


def attribute(module, name):
    if name.startswith("__"):
        raise AttributeError(name)
    # Tests say which exceptions they expect.
    return type(name, (Exception,), {}) if name.endswith("Error") else Absent(f"{module}.{name}")


def pytest_configure():
    sys.path.insert(0, ".")
    sys.meta_path.insert(0, AbsentModules())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    global running
    running = True
