"""Refusals, in one form."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.responses import JSONResponse


class Problem(BaseModel):
    """Why something was not done."""

    error: str
    """In words, for people."""


class ProblemError(Exception):
    """A request that is refused.

    Parameters
    ----------
    status : int
        Status of HTTP.
    message : str
        Why, and what is allowed.
    headers : dict of str to str, optional
        Headers beside.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}

    def response(self) -> JSONResponse:
        """Give it as an answer."""
        headers = {"cache-control": "no-store", **self.headers}
        return JSONResponse({"error": self.message}, self.status, headers)
