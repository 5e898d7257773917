"""The use cases from synchronous code: Flask here, Django alike.

    flask --app examples.from_flask:create_app run
    curl -H "X-User: learner-1" http://127.0.0.1:5000/lessons/k8s-101

The billing API itself is served beside it by `billing serve`, which also takes Stripe's webhooks.
"""

import atexit
import os
from contextlib import AbstractAsyncContextManager

from flask import Flask, abort, request

from billing_bootstrap.application import Application
from billing_bootstrap.container import open_application
from billing_bootstrap.settings import OPERATE, load_settings
from billing_core import Caller, Resource, ResourceType
from billing_core.blocking import BackgroundLoop


def create_app(opening: AbstractAsyncContextManager[Application] | None = None) -> Flask:
    """The application, on the settings of the environment unless told otherwise.

    A server that forks calls it in each of its workers (gunicorn does, without ``--preload``).
    """
    app = Flask(__name__)
    loop = BackgroundLoop()
    atexit.register(loop.close)
    billing = loop.enter(opening or open_application(load_settings(os.environ, OPERATE)))
    decide_access = loop.blocking(billing.decide_access)

    @app.get("/lessons/<course_id>")
    def lesson(course_id: str) -> str:
        """A page of your own: it opens for whoever may open the course."""
        user_id = request.headers.get("X-User")  # here: whatever your own sign-in says
        if user_id is None:
            abort(401, "Sign in first.")
        course = Resource(ResourceType.COURSE, course_id)
        (decision,) = decide_access(Caller(user_id), user_id, [course])
        if not decision.allowed:
            abort(403, f"Not yours: {decision.reason}.")
        return "Welcome to the lesson."

    return app
