"""What a request begins and that goes on after its answer."""

from __future__ import annotations

from starlette.requests import Request

from central.service.background import Background


def background_of(request: Request) -> Background:
    """The tasks of the process that serves a request."""
    background: Background = request.app.state.background
    return background
