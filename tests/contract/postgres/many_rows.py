"""Many rows of each table that grows: in what they differ, from each other and from a whole one (`wrong_rows`)."""

ROWS = 5000
#: Where no partition of its own is: some rows of each partitioned table lie in the default one.
FAR_AHEAD = "timestamptz '2100-01-01Z'"
#: In what the rows of each growing table differ; ``i`` counts them.
DIFFERENT = {
    "user_stripe_mapping": {"user_id": "'u' || i", "customer_id": "'c' || i"},
    "user_versions": {"user_id": "'u' || i", "version": "100"},
    "manual_grants": {"id": "'g' || i", "user_id": "'u' || i"},
    "audit_log": {"user_id": "'u' || i % 500", "at": "now() - i * interval '1 s'"},
    "received_events": {
        "event_id": "'evt' || i",
        "state": "(ARRAY['stored', 'parked', 'dead'] || array_fill('applied'::text, ARRAY[97]))[1 + i % 100]",
        "waits_for": "ARRAY['customer:c' || i]",
        "created": f"CASE WHEN i % 5 > 0 THEN now() ELSE {FAR_AHEAD} END - i * interval '1 s'",
        "received_at": "now() - i * interval '1 s'",
        "payload": "decode(repeat(md5(i::text), 60), 'hex')",
    },
    "facts": {"id": "'f' || i", "object_id": "'o' || i % 1000"},
    "provider_objects": {
        "id": "'o' || i",
        "customer_id": "CASE WHEN i % 10 > 0 THEN 'c' || i % 1000 END",
        "owners": "CASE WHEN i % 10 > 0 THEN '{}' ELSE ARRAY['charge:o' || i] END",
        "ambiguous": "i % 500 = 0",
        "ward": "CASE WHEN i % 10 > 0 THEN 'charge:c' || i END",
    },
    "journal": {
        "customer_id": "'c' || i % 1000",
        "kind": "(ARRAY['paid', 'new', 'plan', 'churn'])[1 + i % 4]",
        "at": "now() - i * interval '1 h'",
    },
    "journal_days": {"day": "date '2000-01-01' + i::integer"},
    "journal_queue": {"object_id": "'o' || i"},
    "subscriptions": {
        "id": "'s' || i",
        "user_id": "'u' || i",
        "next_step_at": "CASE WHEN i % 100 = 0 THEN now() END",
    },
    "trial_marks": {
        "value": "'u' || i",
        "user_id": "'u' || i",
        "claim_id": "'c' || i",
        "look_at": "CASE WHEN i % 100 = 0 THEN now() END",
    },
    "pauses": {
        "id": "'pa' || i",
        "user_id": "'u' || i",
        "due_at": "CASE WHEN i % 100 = 0 THEN now() + i * interval '1 h' END",
    },
    "steps_taken": {"user_id": "'u' || i % 1000", "subject": "'in' || i"},
    "purchases": {
        "id": "'p' || i",
        "user_id": "'u' || i % 1000",
        "resource_id": "'r' || i",
        "slot": "CASE WHEN i % 500 > 0 THEN 'free' ELSE 'duplicate' END",
    },
    "payments": {"id": "'p' || i", "user_id": "'u' || i % 1000"},
    "refunds": {"id": "'r' || i", "user_id": "'u' || i"},
    "invoices": {"id": "'i' || i", "user_id": "'u' || i % 1000"},
    "payment_methods": {"id": "'pm' || i", "user_id": "'u' || i"},
    "user_access": {
        "user_id": "'u' || i % 1000",
        "source_id": "'s' || i",
        "expires_at": "now() - i * interval '1 h'",
        "told_ended_at": "CASE WHEN i % 500 > 0 THEN now() - i * interval '1 h' END",
    },
    "operations": {
        "id": "'o' || i",
        "user_id": "'u' || i % 1000",
        "state": "CASE WHEN i % 100 > 0 THEN 'done' ELSE 'pending' END",
        "finished_at": "CASE WHEN i % 100 > 0 THEN now() END",
    },
    "outbox": {
        "user_id": "'u' || i % 1000",
        "version": "1 + i / 1000",
        "id": "'e' || i",
        "recorded_at": f"CASE WHEN i % 5 > 0 THEN now() ELSE {FAR_AHEAD} END - i * interval '1 s'",
        "published_at": "CASE WHEN i % 100 > 0 THEN now() - i * interval '1 h' END",
    },
    "idempotency_keys": {"key": "'k' || i", "expires_at": "now() + i * interval '1 min'"},
}
