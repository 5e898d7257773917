// stripe-sync-engine as its README shows it, behind Express: the signature is verified by Stripe's SDK, and the object of
// the event is written to its table. No event is stored, so that a second delivery is done again; nothing is derived, and
// what belongs together is not in one transaction. CommonJS, as its migrations are found only then.
const cluster = require("node:cluster");
const express = require("express");
const { StripeSync, runMigrations } = require("@supabase/stripe-sync-engine");

const { DATABASE_URL, PEER_PORT, PEER_PROCESSES, WEBHOOK_SECRET } = process.env;

async function main() {
  if (cluster.isPrimary) {
    await runMigrations({ databaseUrl: DATABASE_URL, schema: "stripe" });
    for (let made = 0; made < Number(PEER_PROCESSES); made++) cluster.fork();
    return;
  }
  const sync = new StripeSync({
    poolConfig: { connectionString: DATABASE_URL, max: 8 },
    stripeSecretKey: "sk_test_of_the_benchmark",
    stripeWebhookSecret: WEBHOOK_SECRET,
    backfillRelatedEntities: false,
    autoExpandLists: false,
  });
  // What it asks of Stripe's API for each checkout session is answered at once, with nothing.
  sync.stripe.checkout.sessions.listLineItems = () => [];
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.post("/api/webhooks/stripe", express.raw({ type: "*/*", limit: "1mb" }), async (request, response) => {
    try {
      await sync.processWebhook(request.body, request.headers["stripe-signature"]);
    } catch (error) {
      // What it has no table for, and an upcoming invoice, which has no id yet, are no fault; anything else is.
      if (error.code !== "23502" && !/Unhandled webhook event/.test(error.message)) {
        console.error(error);
        return response.sendStatus(500);
      }
    }
    response.json({ received: true });
  });
  app.get("/ready", (_, response) => response.json({}));
  app.listen(Number(PEER_PORT), "127.0.0.1");
}

main();
