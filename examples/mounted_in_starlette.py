"""The billing API as a part of your own ASGI application: Starlette here, FastAPI alike.

    uvicorn --factory examples.mounted_in_starlette:create_app
    curl -H "X-User: learner-1" http://127.0.0.1:8000/lessons/k8s-101

Your own routes come first; whatever begins with /api is the billing API. Both share one pool, one cache and one event
loop, and your routes ask the use cases directly, without HTTP.
"""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from billing_bootstrap.application import Application
from billing_bootstrap.container import open_application
from billing_bootstrap.settings import load_settings
from billing_core import Caller, Resource, ResourceType
from billing_http.mounting import Mounted


def create_app(opening: AbstractAsyncContextManager[Application] | None = None) -> Starlette:
    """The application, on the settings of the environment unless told otherwise."""
    billing = Mounted(opening or open_application(load_settings(os.environ)))

    async def lesson(request: Request) -> Response:
        """A page of your own: it opens for whoever may open the course."""
        user_id = request.headers.get("X-User")  # here: whatever your own sign-in says
        if user_id is None:
            return PlainTextResponse("Sign in first.", status_code=401)
        course = Resource(ResourceType.COURSE, request.path_params["course_id"])
        (decision,) = await billing.application.decide_access(Caller(user_id), user_id, [course])
        if not decision.allowed:
            return PlainTextResponse(f"Not yours: {decision.reason}.", status_code=403)
        return PlainTextResponse("Welcome to the lesson.")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with billing:
            yield

    return Starlette(routes=[Route("/lessons/{course_id}", lesson), Mount("/", billing)], lifespan=lifespan)
