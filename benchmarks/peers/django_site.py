"""dj-stripe as its documentation shows it, on Django: every event is verified, stored, and its object written.

In an environment of its own, under gunicorn: ``python django_site.py`` makes the tables, ``application`` serves.
"""

import os

import django
import stripe
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

#: The endpoint's own, which stands in its address usually.
_ENDPOINT = "11111111-1111-4111-8111-111111111111"

settings.configure(
    SECRET_KEY="of the benchmark",  # noqa: S106 - of the benchmark
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sites", "djstripe"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": "127.0.0.1",
            "PORT": os.environ["PEER_DATABASE_PORT"],
            "NAME": os.environ["PEER_DATABASE"],
            "USER": "postgres",
            "CONN_MAX_AGE": None,
        }
    },
    #: The tables as they are now, at once: to make them by the steps of ten years takes minutes.
    MIGRATION_MODULES=dict.fromkeys(("auth", "contenttypes", "sites", "djstripe")),
    USE_TZ=True,
    APPEND_SLASH=False,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    STRIPE_TEST_SECRET_KEY="sk_test_0123456789abcdefghijklmn",  # noqa: S106 - nobody's
    STRIPE_LIVE_MODE=False,
    STRIPE_API_HOST=os.environ["PEER_STRIPE"],
)
django.setup()

from django.core.management import call_command  # noqa: E402 - Django has to know its settings first
from djstripe import models, views  # noqa: E402

urlpatterns = [
    path("api/webhooks/stripe", views.ProcessWebhookView.as_view(), {"uuid": _ENDPOINT}),
    path("ready", lambda _: HttpResponse("{}")),
]
application = get_wsgi_application()

if __name__ == "__main__":
    call_command("migrate", run_syncdb=True, verbosity=0)
    models.WebhookEndpoint.objects.create(
        id="we_of_the_benchmark",
        livemode=False,
        api_version="2026-05-27.dahlia",
        enabled_events=["*"],
        secret=os.environ["WEBHOOK_SECRET"],
        status="enabled",
        url="http://127.0.0.1",
        djstripe_uuid=_ENDPOINT,
    )
    # A price that nobody told of is not found, and the event fails.
    models.Price.sync_from_stripe_data(
        stripe.Price.retrieve(os.environ["PEER_PRICE"], api_key=settings.STRIPE_TEST_SECRET_KEY)
    )
