// A matchmaker as one would write it for Node.js: a random partner among those who wait, pairs with random ids, not the same
// partner twice in a row. Messages have the content of our API's: {"leave": pair} in, {"state": "paired", ...} out.
"use strict";
const { randomBytes, randomInt } = require("node:crypto");
const { WebSocketServer } = require("ws");

const waiting = [];
const pairs = new Map();
let number = 111000;

function drop(user) {
  const at = user.at;
  if (at < 0) return;
  const last = waiting.pop();
  if (last !== user) {
    waiting[at] = last;
    last.at = at;
  }
  user.at = -1;
}

function end(id) {
  const pair = pairs.get(id);
  if (!pair) return;
  pairs.delete(id);
  for (const [one, other] of [[pair.caller, pair.callee], [pair.callee, pair.caller]]) {
    one.pair = null;
    one.last = other;
  }
}

function pick(user) {
  for (let i = 0; i < 32 && waiting.length > 0; i++) {
    const other = waiting[randomInt(waiting.length)];
    if (other !== user && other !== user.last) return other;
  }
  return null;
}

function tell(user, role, pair, partner) {
  user.socket.send(JSON.stringify({
    state: "paired", pair, role, partner: { name: partner.name, exten: partner.exten }, connect_s: 15, ice_servers: [],
  }));
}

function turn(user, message) {
  if (message.leave) end(message.leave);
  if (user.pair || user.at >= 0) return;
  const other = pick(user);
  if (!other) {
    user.at = waiting.push(user) - 1;
    return;
  }
  drop(other);
  const id = randomBytes(16).toString("hex");
  pairs.set(id, { caller: user, callee: other });
  user.pair = other.pair = id;
  tell(other, "callee", id, user);
  tell(user, "caller", id, other);
}

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false });
server.on("connection", (socket) => {
  const exten = String(number++);
  const user = { socket, name: "turn" + exten, exten, at: -1, pair: null, last: null };
  socket.on("message", (data) => turn(user, JSON.parse(data)));
  socket.on("close", () => {
    drop(user);
    if (user.pair) end(user.pair);
  });
});
server.on("listening", () => console.log("ready"));
