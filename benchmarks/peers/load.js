// The load: requests from a file, each four bytes of length and then its bytes, over a fixed number of kept connections of
// loopback. With a rate each has a moment at which it is due, however the service fares, and its latency is counted from
// then: what it waits for a connection because those before it were slow is part of it, and so is a pause of this process.
// Without one it is sent as soon as a connection is free. What was measured is told as JSON, with how long this process
// itself was kept from what it meant to do: of a high latency that is the client's part, and that of whoever shares its core.
const fs = require("node:fs");
const net = require("node:net");

const [port, file, connections, wanted, rate] = process.argv.slice(2).map((one, place) => (place === 1 ? one : Number(one)));
const requests = [];
for (let rest = fs.readFileSync(file); rest.length > 0; ) {
  const end = 4 + rest.readUInt32BE(0);
  requests.push(rest.subarray(4, end));
  rest = rest.subarray(end);
}
const latencies = [];
const pauses = [];
const free = [];
let refused = 0;
let sent = 0;
let begun;
let timer;

const now = () => performance.now();
const dueAt = (place) => begun + ((place + 1) * 1000) / rate;

function sendWhatIsDue() {
  const at = now();
  while (free.length > 0 && sent < requests.length && (!rate || dueAt(sent) <= at)) {
    const line = free.shift();
    line.since = rate ? dueAt(sent) : at;
    line.socket.write(requests[sent++]);
  }
  // One timer at a time: whoever sends what is due while one waits would leave another, and they would become many.
  if (rate && !timer && free.length > 0 && sent < requests.length) {
    const wait = Math.max(1, dueAt(sent) - now()); // a timer of Node waits a millisecond at the least
    timer = setTimeout(wake, wait, now() + wait);
  }
}

function wake(meant) {
  timer = undefined;
  pauses.push(now() - meant);
  sendWhatIsDue();
}

function received(line, data) {
  line.text += data;
  const end = line.text.indexOf("\r\n\r\n");
  if (end < 0) return;
  const length = Number((/^content-length: *(\d+)/im.exec(line.text.slice(0, end)) || [0, 0])[1]);
  if (line.text.length < end + 4 + length) return;
  latencies.push(now() - line.since);
  if (!line.text.startsWith(`HTTP/1.1 ${wanted}`)) refused++;
  line.text = "";
  free.push(line);
  if (latencies.length === requests.length) tell();
  else if (!rate || dueAt(sent) <= now()) sendWhatIsDue();
}

const ascending = (values) => values.sort((a, b) => a - b);

function tell() {
  const milliseconds = now() - begun;
  process.stdout.write(JSON.stringify({ seconds: milliseconds / 1000, refused, latencies: ascending(latencies), pauses: ascending(pauses) }), () => process.exit(0));
}

function lost(error) {
  console.error(error ? error.message : "The service closed the connection.");
  process.exit(1);
}

for (let made = 0; made < connections; made++) {
  const line = { socket: net.connect({ port, host: "127.0.0.1", noDelay: true }), text: "", since: 0 };
  line.socket.setEncoding("latin1");
  line.socket.on("data", (data) => received(line, data)).on("error", lost).on("end", lost);
  line.socket.on("connect", () => {
    free.push(line);
    if (free.length === connections) {
      begun = now();
      sendWhatIsDue();
    }
  });
}
