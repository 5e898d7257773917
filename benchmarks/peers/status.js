// A minimal read of what a user may open, on Express and ioredis: the token is verified, and the answer is what Redis
// holds. PEER_MANNER=usual with the secret as most give it, as text; PEER_MANNER=tuned with the key prepared once and no
// header that nobody asked for. Neither decides anything, and nothing but Redis is asked.
const crypto = require("node:crypto");
const express = require("express");
const Redis = require("ioredis");
const jwt = require("jsonwebtoken");

const { JWT_SECRET, PEER_MANNER, PEER_PORT, REDIS_URL } = process.env;
const tuned = PEER_MANNER === "tuned";
const key = tuned ? crypto.createSecretKey(Buffer.from(JWT_SECRET)) : JWT_SECRET;
const redis = new Redis(REDIS_URL, { enableAutoPipelining: tuned });
const app = express();
if (tuned) {
  app.disable("x-powered-by");
  app.disable("etag");
}
app.get("/status/:user", async (request, response) => {
  let claims;
  try {
    claims = jwt.verify((request.headers.authorization || "").slice(7), key, { algorithms: ["HS256"] });
  } catch {
    return response.sendStatus(401);
  }
  if (claims.sub !== request.params.user) return response.sendStatus(403);
  const found = await redis.get(`status:${claims.sub}`);
  if (tuned) response.type("application/json").send(found);
  else response.json(JSON.parse(found));
});
app.get("/ready", (_, response) => response.json({}));
app.listen(Number(PEER_PORT), "127.0.0.1");
