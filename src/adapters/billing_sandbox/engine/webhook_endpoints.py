"""Webhook endpoints: who is to hear of which events."""

from billing_sandbox.engine.objects import Obj, merge_metadata
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed
from billing_sandbox.engine.params import BOOL, TEXT, Clear, ListOf, Metadata
from billing_sandbox.engine.world import World


def create(w: World, p: Obj) -> Obj:
    """A new endpoint. Its signing secret is told here and never again."""
    secret = w.new_id("whsec_")
    endpoint = register(w, p["url"], p["enabled_events"], secret, api_version=p.get("api_version"))
    endpoint |= {"description": p.get("description"), "metadata": merge_metadata({}, p.get("metadata", {}))}
    w.store.put(endpoint)
    return endpoint | {"secret": secret}


def register(w: World, url: str, events: list[str], secret: str, *, api_version: str | None = None) -> Obj:
    """Keep an endpoint with a secret that is chosen by the caller."""
    endpoint: Obj = {
        "id": w.new_id("we_"),
        "object": "webhook_endpoint",
        "api_version": api_version,
        "application": None,
        "created": w.now,
        "description": None,
        "enabled_events": events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }
    w.store.put_private(endpoint["id"], {"secret": secret})
    return w.insert(endpoint)


def update(w: World, p: Obj, endpoint_id: str) -> Obj:
    """Change address, events or description; switch it off or on."""
    endpoint = w.named("webhook_endpoint", endpoint_id, "webhook_endpoint")
    for name in ("url", "enabled_events", "description"):
        if name in p:
            endpoint[name] = p[name]
    if "metadata" in p:
        endpoint["metadata"] = merge_metadata(endpoint["metadata"], p["metadata"])
    if "disabled" in p:
        endpoint["status"] = "disabled" if p["disabled"] else "enabled"
    w.change(endpoint)
    return endpoint


def delete(w: World, _p: Obj, endpoint_id: str) -> Obj:
    """No more deliveries."""
    w.named("webhook_endpoint", endpoint_id, "webhook_endpoint")
    w.store.remove("webhook_endpoint", endpoint_id)
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}


def list_endpoints(w: World, p: Obj) -> Obj:
    """All endpoints."""
    return listed(w, "webhook_endpoint", p, url="/v1/webhook_endpoints")


def listening(w: World, event_type: str) -> list[Obj]:
    """The enabled endpoints that want this kind of event."""
    return [
        endpoint
        for endpoint in w.store.each("webhook_endpoint")
        if endpoint["status"] == "enabled" and {"*", event_type} & set(endpoint["enabled_events"])
    ]


def secret_of(w: World, endpoint_id: str) -> str:
    """The secret that signs deliveries to this endpoint."""
    return str(w.store.private(endpoint_id)["secret"])


OPERATIONS = (
    Operation(
        "POST",
        "/v1/webhook_endpoints",
        create,
        {
            "api_version": TEXT,
            "connect": BOOL,
            "description": Clear(TEXT),
            "enabled_events": ListOf(TEXT, most=500),
            "metadata": Metadata(),
            "url": TEXT,
        },
        ("url", "enabled_events"),
    ),
    Operation("GET", "/v1/webhook_endpoints", list_endpoints, {**PAGE}),
    Operation("GET", "/v1/webhook_endpoints/{webhook_endpoint}", retrieve("webhook_endpoint", "webhook_endpoint")),
    Operation(
        "POST",
        "/v1/webhook_endpoints/{webhook_endpoint}",
        update,
        {
            "description": Clear(TEXT),
            "disabled": BOOL,
            "enabled_events": ListOf(TEXT, most=500),
            "metadata": Metadata(),
            "url": TEXT,
        },
    ),
    Operation("DELETE", "/v1/webhook_endpoints/{webhook_endpoint}", delete),
)
