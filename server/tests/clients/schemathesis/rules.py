"""Rules of requests that JSON Schema cannot say. A request that breaks one fits the document and is refused: 400.

Any other refusal of what the document allows is a failure.
"""

import re

import schemathesis
from schemathesis.specs.openapi.checks import AcceptedNegativeData, RejectedPositiveData
from schemathesis.specs.openapi.checks import negative_data_rejection as rejected
from schemathesis.specs.openapi.checks import positive_data_acceptance as accepted

# Name of the rule: codes of the error, and what its message says.
RULES = {
    "a prompt and what is generated fit the context": (["context_length_exceeded"], ""),
    "members do not contradict each other": (["invalid_value"], r"contradicts|, max_completion_tokens is "),
    "members that need another come with it": (["invalid_value"], r" needs "),
    "names of tools are unique, and choices name one": (
        ["invalid_value"],
        r"is the name of another tool too|is not the name of one of the tools",
    ),
    "tool messages answer calls, whose arguments are JSON": (
        ["invalid_value"],
        r"is not among the calls of the assistant's turn before it|must hold a JSON object",
    ),
    "biased tokens are in the vocabulary": (["invalid_value"], r"is not a token id from 0 to "),
    "variables of the template are not named as the conversation": (
        ["invalid_value"],
        r"is a name of the conversation itself",
    ),
    "strings are limited in bytes": (["string_above_max_length"], r" bytes, limit "),
    "schemas, expressions and grammars can be kept": (["invalid_schema", "grammar_too_complex"], ""),
    "the chat template takes the messages": (["template_error"], ""),
    "the chat template reads documents": (["unsupported_parameter"], r"^documents is not supported"),
    "best_of is n or more, and in chats and streams n": (
        ["integer_below_min_value", "invalid_value", "unsupported_parameter"],
        r"^best_of ",
    ),
    "best_of is wide for beams only": (["integer_above_max_value"], r"^best_of "),
    "the route is for the kind of model that is served": (
        ["unsupported_model"],
        r"(^|, and )this model is an? (de|en)coder",
    ),
    "the sides of pairs go together and have as many texts, or one": (
        ["invalid_value"],
        r": neither 1 nor as many$| does not go with (text_1|queries)$",
    ),
    "a pair has two sides": (["missing_required_parameter"], r"\btext_[12]\b"),
    "min_tokens is at most max_tokens": (["integer_above_max_value"], r"^min_tokens "),
    "prompt_logprobs is not streamed": (["invalid_value"], r"^prompt_logprobs must be absent in a stream"),
    "log-probabilities of prompts are limited in all": (["invalid_value"], r" log-probabilities of each of "),
    "a prompt has a token": (["invalid_value"], r"has no tokens"),
    "restrictions leave a token to generate": (["invalid_value"], r"leaves no token to generate"),
}


@schemathesis.check
def positive_data_acceptance_but_for_rules(ctx, response, case):
    try:
        return accepted(ctx, response, case)
    except RejectedPositiveData:
        error = response.json()["error"]
        for codes, words in RULES.values():
            if error["code"] in codes and re.search(words, error["message"]):
                return None
        raise


@schemathesis.check
def negative_data_rejection_but_for_headers(ctx, response, case):
    """HTTP lets a request carry headers that nobody knows."""
    try:
        return rejected(ctx, response, case)
    except AcceptedNegativeData as failure:
        if "in header - object with unexpected properties" in failure.message:
            return None
        raise
