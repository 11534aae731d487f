"""A fanwire.v1 client written from docs/protocol.md alone, on Debian's python3-websockets.

Usage: protocol_client.py URL TOPIC. Says what it learns, a line of JSON each: {"message": data}, {"gap": reason}, {"live": replayed}.
conform-adapter.py is its adapter for `fanwire conform`.
"""
import asyncio
import itertools
import json
import random
import sys
import time

import websockets

from protocol_publishes import Publishes, Refused, bounded, passing

STABLE_S = 5


class Topic:
    def __init__(self, name, history):
        self.name = name
        self.history = history
        self.position = None
        self.is_live = False


class Client(Publishes):
    """`tell(event, **fields)` learns all that happens; publish() gives a future of the `seq`."""

    def __init__(self, url, tell, tokens=(), base_s=0.5, cap_s=30, connect_s=10, heartbeat_s=25):
        self.url, self.tell, self.tokens = url, tell, list(tokens)
        self.base_s, self.cap_s, self.connect_s, self.heartbeat_s = base_s, cap_s, connect_s, heartbeat_s
        self.topics = {}
        super().__init__()
        self.numbers = itertools.count(1)
        self.asked = {}
        self.socket = None
        self.is_closed = False
        self.attempt = 0
        self.not_before = 0
        self.retries = set()

    # What a program calls.

    def subscribe(self, name, history=None):
        topic = self.topics.setdefault(name, Topic(name, history))
        self.start(self.join(topic))

    def unsubscribe(self, name):
        if self.topics.pop(name, None) is not None:
            self.start(self.say({"op": "unsub", "topic": name}))

    async def close(self, code="CLOSED"):
        self.is_closed = True
        self.tell("state", state="closed")
        for publish in self.publishes:
            self.end(publish, Refused("UNCONFIRMED" if publish.said_at else code))
        if self.socket is not None:
            await self.socket.close()

    # The connection that comes back.

    async def run(self):
        while not self.is_closed:
            opened_at = None
            try:
                async with websockets.connect(
                    self.url,
                    subprotocols=self.protocols(),
                    open_timeout=self.connect_s,
                    close_timeout=0.2,
                    ping_interval=None,
                    max_size=None,
                ) as socket:
                    opened_at = time.monotonic()
                    await self.live(socket)
            except websockets.InvalidStatusCode as refused:
                self.refused_at_the_door(refused)
            except websockets.ConnectionClosed as closed:
                self.ended_with(closed.code)
            except (OSError, websockets.WebSocketException, asyncio.TimeoutError, ValueError, RecursionError):
                pass
            self.disconnected()
            if self.is_closed:
                return
            if opened_at is not None and time.monotonic() - opened_at > STABLE_S:
                self.attempt = 0
            await asyncio.sleep(self.wait_s())

    def protocols(self):
        protocols = ["fanwire.v1", "fanwire.refusals"]
        if self.tokens:
            protocols.append("fanwire.token." + self.next_token())
        return protocols

    def next_token(self):
        return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]

    def wait_s(self):
        jitter = max(self.base_s / 10, random.uniform(0, min(self.cap_s, self.base_s * 2**self.attempt)))
        self.attempt = min(self.attempt + 1, 20)
        return max(0, self.not_before - time.monotonic()) + jitter

    def not_for(self, wait_s):
        self.not_before = max(self.not_before, time.monotonic() + wait_s)

    def refused_at_the_door(self, refused):
        retry_after = refused.headers.get("Retry-After")
        try:
            self.not_for(bounded(float(retry_after), 0))
        except (TypeError, ValueError):
            # Only the relay's own word is final, and a proxy's is not.
            is_final = "Fanwire-Error" in refused.headers and retry_after is None
            if is_final and not (refused.status_code == 401 and len(self.tokens) > 1):
                self.start(self.close(refused.headers["Fanwire-Error"]))
                self.is_closed = True

    def ended_with(self, code):
        if code == 4403 or (code == 4401 and len(self.tokens) < 2):
            self.start(self.close("UNAUTHENTICATED"))
            self.is_closed = True

    def disconnected(self):
        self.socket = None
        self.asked.clear()
        for topic in self.topics.values():
            topic.is_live = False
        for publish in self.publishes:
            publish.is_on_its_way = False

    async def live(self, socket):
        self.socket = socket
        self.limits = None
        tasks = [asyncio.ensure_future(self.send_publishes()), asyncio.ensure_future(self.keep_alive(socket))]
        try:
            async for frame in socket:
                self.heard_at = time.monotonic()
                said = json.loads(frame)
                if not isinstance(said, dict):
                    raise ValueError("no op")
                if self.limits is None:
                    self.greeted(said, tasks)
                if said.get("op") == "drain":
                    wait_s = bounded(said.get("reconnectInMs"), 0, 3_600_000) / 1000
                    self.not_for(wait_s)
                    tasks.append(asyncio.ensure_future(self.leave(socket, wait_s)))
                else:
                    self.hear(said)
        finally:
            for task in tasks:
                task.cancel()

    def greeted(self, said, tasks):
        self.limits = said.get("limits", {})
        self.credit = self.limits.get("publishesPerS", 0)
        self.credit_at = time.monotonic()
        self.tell("state", state="open")
        for topic in list(self.topics.values()):
            self.start(self.join(topic))
        if said.get("expiresInMs") is not None and len(self.tokens) > 0:
            tasks.append(asyncio.ensure_future(self.renew(said["expiresInMs"])))
        self.something_to_send.set()

    async def leave(self, socket, wait_s):
        await asyncio.sleep(wait_s)
        socket.transport.abort()

    async def keep_alive(self, socket):
        self.heard_at = time.monotonic()
        while True:
            await asyncio.sleep(self.heartbeat_s)
            asked_at = time.monotonic()
            await self.say({"op": "ping"})
            await asyncio.sleep(min(self.heartbeat_s, 10))
            if self.heard_at < asked_at:
                socket.transport.abort()

    async def renew(self, expires_in_ms):
        while expires_in_ms is not None:
            await asyncio.sleep(bounded(0.8 * expires_in_ms / 1000, 1, 2e6))
            answer = asyncio.get_running_loop().create_future()
            number = next(self.numbers)
            self.asked[number] = lambda said: answer.done() or answer.set_result(said)
            await self.say({"op": "auth", "token": self.next_token(), "id": number})
            said = await answer
            expires_in_ms = said.get("expiresInMs") if said["op"] == "ok" else 6000

    async def say(self, op):
        if self.socket is not None:
            try:
                await self.socket.send(json.dumps(op))
            except websockets.ConnectionClosed:
                pass

    def start(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.retries.add(task)
        task.add_done_callback(self.retries.discard)

    # Topics.

    async def join(self, topic):
        if self.socket is None or self.limits is None:
            return
        topic.is_live = False
        number = next(self.numbers)
        op = {"op": "sub", "topic": topic.name, "id": number}
        if topic.position is not None:
            op["since"] = topic.position
        if topic.history is not None:
            op["rewind"] = topic.history
        self.asked[number] = lambda said: self.joined(topic, said)
        await self.say(op)

    def joined(self, topic, said):
        if self.topics.get(topic.name) is not topic:
            return
        if said["op"] == "error":
            self.not_joined(topic, said)
            return
        if not said.get("recovered"):
            seq = said.get("after", said.get("seq"))
            topic.position = {"epoch": said["epoch"], "seq": seq} if "epoch" in said else None
        topic.is_live = True
        if "reason" in said:
            self.tell("gap", topic=topic.name, reason=said["reason"])
        elif said.get("kept"):
            self.tell("gap", topic=topic.name, reason="not-asked")
        self.tell("live", topic=topic.name, replayed=said.get("replayed", 0))

    def not_joined(self, topic, said):
        wait_s = passing(said)
        if wait_s is None:
            del self.topics[topic.name]
            self.tell("ended", topic=topic.name, code=said["code"])
        else:
            self.start(self.join_later(topic, wait_s + random.uniform(self.base_s, 2 * self.base_s)))

    async def join_later(self, topic, wait_s):
        socket = self.socket
        await asyncio.sleep(wait_s)
        if self.socket is socket and self.topics.get(topic.name) is topic:
            await self.join(topic)

    def hear(self, said):
        answered = self.asked.pop(said.get("id"), None) if isinstance(said.get("id"), int) else None
        if answered is not None:
            answered(said)
            return
        topic = self.topics.get(said.get("topic"))
        if topic is None or not topic.is_live:
            return
        if said["op"] == "msg":
            self.message(topic, said)
        elif said["op"] == "lost":
            if said.get("recoverable"):
                self.start(self.join(topic))
                topic.is_live = False
            else:
                self.tell("gap", topic=topic.name, reason="lost")
        elif said["op"] == "error":
            self.not_joined(topic, said)

    def message(self, topic, said):
        if topic.position is not None and "seq" in said:
            if said["seq"] <= topic.position["seq"]:
                return
            topic.position = {"epoch": topic.position["epoch"], "seq": said["seq"]}
        # A replay brings this client's own publishes back, also those whose answer was lost.
        if "pid" in said and self.is_own(said["pid"], said.get("seq")):
            return
        content = {"base64": said["data"]} if said.get("encoding") == "base64" else {"data": said["data"]}
        self.tell("message", topic=topic.name, **content)

async def listen(url, name):
    def say(event, data=None, reason=None, replayed=0, **_):
        line = {"message": {"message": data}, "gap": {"gap": reason}, "live": {"live": replayed}}.get(event)
        if line is not None:
            print(json.dumps(line), flush=True)

    client = Client(url, say, base_s=0.02, cap_s=0.2)
    client.subscribe(name)
    await client.run()


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[1], sys.argv[2]))
