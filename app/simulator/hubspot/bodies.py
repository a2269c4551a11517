"""Reading request bodies the way HubSpot's Java stack does: unknown fields ignored, the rest by type."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ConfigDict, ValidationError

from app.simulator.hubspot.errors import ApiError


class Body(BaseModel):
    """A JSON object of a request. [C] unknown keys are tolerated; [I] numbers are taken where strings are meant."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


Parsed = TypeVar("Parsed", bound=Body)


def read_json() -> Any:
    """The request's JSON.

    Raises:
        ApiError: 400 with line and column. [C] the pattern of the sentence.
    """
    try:
        return json.loads(request.get_data() or b"")
    except json.JSONDecodeError as error:
        raise malformed(f"{error.msg}", line=error.lineno, column=error.colno) from error
    except UnicodeDecodeError as error:
        raise malformed("Invalid UTF-8") from error


def read_object() -> dict[str, Any]:
    """The request's JSON, which must be an object."""
    value = read_json()
    if not isinstance(value, dict):
        raise malformed("Cannot deserialize an object")
    return value


def read(model: type[Parsed]) -> Parsed:
    """The request's JSON as a model.

    Raises:
        ApiError: 400 that names the missing attributes, or the first one of a wrong shape.
    """
    return build(model, read_object())


def build(model: type[Parsed], value: dict[str, Any]) -> Parsed:
    """A model from a JSON object; raises as `read` does."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _refusal(model.__name__, error) from error


def malformed(what: str, *, line: int = 1, column: int = 1) -> ApiError:
    """The 400 of HubSpot's JSON parser."""
    return ApiError(400, f"Invalid input JSON on line {line}, column {column}: {what}")


def _refusal(name: str, error: ValidationError) -> ApiError:
    problems = error.errors()
    missing = [str(problem["loc"][-1]) for problem in problems if problem["type"] == "missing"]
    if missing:
        listed = ", ".join(missing)
        return malformed(f"Cannot build {name}, some of required attributes are not set [{listed}]")
    first = problems[0]
    place = ".".join(str(part) for part in first["loc"])
    return malformed(f"Cannot construct instance of {name}: {place}: {first['msg']}")
