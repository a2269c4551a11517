"""What is wrong with a value that somebody gave, in our own words: the validation library speaks to programmers.

Each sentence begins with a name, such as a setting's or a credential's, and says what to do; values, which may be
secrets, never stand in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: Words by the library's type of error; ``{...}`` is filled in from its context.
#: https://docs.pydantic.dev/latest/errors/validation_errors/
_WORDS: Final[Mapping[str, str]] = {
    "missing": "is missing: give it a value",
    "extra_forbidden": "is not known here: leave it out or correct its name",
    "int_parsing": "is no whole number: write digits only",
    "int_from_float": "is no whole number: write digits only",
    "float_parsing": "is no number: write digits, with a point before the fraction",
    "bool_parsing": "is neither yes nor no: write true or false",
    "literal_error": "is none of the values it may have: write {expected}",
    "greater_than": "is too small: it has to be more than {gt}",
    "greater_than_equal": "is too small: it has to be {ge} or more",
    "less_than": "is too large: it has to be less than {lt}",
    "less_than_equal": "is too large: it has to be {le} or less",
    "string_too_short": "is too short: it has to have {min_length} characters or more",
    "too_short": "is too short: it has to have {min_length} characters or more",
    "string_too_long": "is too long: it may have {max_length} characters",
    "too_long": "is too long: it may have {max_length} characters",
    "string_pattern_mismatch": "does not look as it has to: compare it with its description",
}
_MALFORMED: Final = "is not of the form that it has to have: compare it with its description"


def complain(name: str, error: Mapping[str, Any]) -> str:
    """Return a sentence, without its full stop, about one of the library's errors.

    ``name`` is what people call the field. A validator of ours speaks for itself.
    """
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return f"{name} is not valid: {str(context.get('error', _MALFORMED)).rstrip('.')}"
    return f"{name} {_WORDS.get(error['type'], _MALFORMED).format_map(context)}"
