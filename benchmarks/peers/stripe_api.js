// What dj-stripe asks of Stripe's API: for every event the object that it is about, and what that one names. Each is
// answered at once from the events that will be sent; over the network it would take a tenth of a second or more.
const fs = require("node:fs");
const http = require("node:http");

const [file, port] = process.argv.slice(2);
const objects = new Map();
for (let rest = fs.readFileSync(file); rest.length > 0; ) {
  const end = 4 + rest.readUInt32BE(0);
  const request = rest.subarray(4, end);
  const event = JSON.parse(request.subarray(request.indexOf("\r\n\r\n") + 4));
  keep(event.data.object);
  rest = rest.subarray(end);
}

function keep(value) {
  if (Array.isArray(value)) return value.forEach(keep);
  if (!value || typeof value !== "object") return;
  // A price is told as a plan too, by the same id.
  if (typeof value.id === "string" && typeof value.object === "string" && value.object !== "plan") objects.set(value.id, value);
  Object.values(value).forEach(keep);
}

// What no event shows, as it would be of a fresh account.
const fresh = {
  balance_transactions: { object: "balance_transaction", amount: 0, available_on: 0, created: 0, currency: "usd", fee: 0, fee_details: [], net: 0, reporting_category: "charge", status: "available", type: "charge" },
  payment_methods: { object: "payment_method", billing_details: {}, card: {}, created: 0, customer: null, livemode: false, metadata: {}, type: "card" },
  products: { object: "product", active: true, created: 0, livemode: false, metadata: {}, name: "A product", type: "service" },
};
const account = { id: "acct_of_the_benchmark", object: "account", business_profile: {}, settings: {} };

function answerTo(kind, id) {
  if (kind === "account") return account;
  if (!id) return { object: "list", data: [], has_more: false, url: `/v1/${kind}` };
  return objects.get(id) || (fresh[kind] && { id, ...fresh[kind] });
}

http
  .createServer((request, response) => {
    // /v1/kind/id, and perhaps a list that it has; one kind has a name of two words.
    const [, , kind, id, list] = request.url.replace("/checkout/", "/").split("?")[0].split("/");
    const found = list ? answerTo(list) : answerTo(kind, id);
    response.writeHead(found ? 200 : 404, { "Content-Type": "application/json" });
    response.end(JSON.stringify(found || { error: { type: "invalid_request_error", code: "resource_missing", message: `No such object: ${request.url}` } }));
  })
  .listen(Number(port), "127.0.0.1");
