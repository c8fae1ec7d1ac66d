"""Whether a text is valid under a schema, in the words of a validator that shares nothing with the server."""

import json

from jsonschema import FormatChecker, exceptions, validators


class NoSchema(Exception):
    """It is not a schema by its own draft's rules, so nothing can be said about texts."""


class Judge:
    """Draft as the schema says; without a word the newest that it is valid under."""

    def __init__(self, schema):
        candidates = [validators.validator_for(schema, default=validators.Draft202012Validator)]
        if candidates[0] is validators.Draft202012Validator:
            candidates.append(validators.Draft7Validator)
        for validator in candidates:
            try:
                # Formats aside: real schemas name definitions with letters that no URI has.
                validator.check_schema(schema, format_checker=FormatChecker(formats=()))
            except exceptions.SchemaError as error:
                problem = error
                continue
            self.validator = validator(schema, format_checker=validator.FORMAT_CHECKER)
            return
        raise NoSchema(problem.message)

    def fault(self, text):
        """What is wrong with the text, or None."""
        try:
            value = json.loads(text)
        except ValueError as error:
            return f"no JSON: {error}"
        error = exceptions.best_match(self.validator.iter_errors(value))
        return error and f"{error.json_path}: {error.message[:200]} (by {'/'.join(map(str, error.schema_path))})"
