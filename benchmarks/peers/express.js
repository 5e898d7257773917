// A minimal webhook receiver on Express and pg, in two manners: PEER_MANNER=usual, statement by statement as most are
// written, and PEER_MANNER=tuned, all of it in one prepared statement. Both verify the signature and commit durably;
// neither knows whose event it is, what came before it or what it adds up to.
const cluster = require("node:cluster");
const crypto = require("node:crypto");
const express = require("express");
const { Pool } = require("pg");

const { DATABASE_URL, PEER_MANNER, PEER_PORT, PEER_PROCESSES, WEBHOOK_SECRET } = process.env;
const pool = new Pool({ connectionString: DATABASE_URL, max: 8 });

function verified(body, header) {
  const parts = Object.fromEntries(header.split(",").map((part) => part.split("=")));
  const expected = crypto.createHmac("sha256", WEBHOOK_SECRET).update(`${parts.t}.`).update(body).digest("hex");
  return crypto.timingSafeEqual(Buffer.from(expected), Buffer.from(parts.v1));
}

const STEPS = [
  ["INSERT INTO inbox (event_id, type, payload) VALUES ($1, $2, $3)", (e, body) => [e.id, e.type, body]],
  ["INSERT INTO subscriptions (id, customer, status) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET status = excluded.status, at = now()", (e) => [e.customer, e.customer, e.type]],
  ["INSERT INTO invoices (id, customer, status) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET status = excluded.status, at = now()", (e) => [e.object, e.customer, e.type]],
  ["INSERT INTO access (customer, status) VALUES ($1, $2) ON CONFLICT (customer) DO UPDATE SET status = excluded.status, at = now()", (e) => [e.customer, e.type]],
  ["INSERT INTO outbox (id, customer, type) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING", (e) => [e.id, e.customer, e.type]],
  ["INSERT INTO audit (id, customer, type) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING", (e) => [e.id, e.customer, e.type]],
];

async function usual(event, body) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    for (const [text, values] of STEPS) await client.query(text, values(event, body));
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

const ALL = `
WITH i AS (INSERT INTO inbox (event_id, type, payload) VALUES ($1, $2, $3)),
s AS (INSERT INTO subscriptions (id, customer, status) VALUES ($4, $4, $2) ON CONFLICT (id) DO UPDATE SET status = excluded.status, at = now()),
v AS (INSERT INTO invoices (id, customer, status) VALUES ($5, $4, $2) ON CONFLICT (id) DO UPDATE SET status = excluded.status, at = now()),
a AS (INSERT INTO access (customer, status) VALUES ($4, $2) ON CONFLICT (customer) DO UPDATE SET status = excluded.status, at = now()),
o AS (INSERT INTO outbox (id, customer, type) VALUES ($1, $4, $2) ON CONFLICT (id) DO NOTHING)
INSERT INTO audit (id, customer, type) VALUES ($1, $4, $2) ON CONFLICT (id) DO NOTHING`;

async function tuned(event, body) {
  await pool.query({ name: "all", text: ALL, values: [event.id, event.type, body, event.customer, event.object] });
}

const store = PEER_MANNER === "tuned" ? tuned : usual;
const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.post("/api/webhooks/stripe", express.raw({ type: "*/*", limit: "1mb" }), async (request, response) => {
  if (!verified(request.body, request.headers["stripe-signature"])) return response.sendStatus(400);
  const { id, type, data } = JSON.parse(request.body);
  const object = data.object.id || id; // an upcoming invoice has no id yet
  await store({ id, type, customer: data.object.customer || object, object }, request.body);
  response.json({ received: true });
});
app.get("/ready", (_, response) => response.json({}));
if (cluster.isPrimary) for (let made = 0; made < Number(PEER_PROCESSES); made++) cluster.fork();
else app.listen(Number(PEER_PORT), "127.0.0.1");
