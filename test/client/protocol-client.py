"""A fanwire.v1 client written from docs/protocol.md alone, on Debian's python3-websockets.

Usage: protocol-client.py URL TOPIC. Says what it learns, a line of JSON each: {"message": data}, {"gap": reason}, {"live": replayed}.
"""
import asyncio
import json
import random
import sys

import websockets

BASE_S = 0.02
CAP_S = 0.2


class Listener:
    def __init__(self, url, topic):
        self.url = url
        self.topic = topic
        self.position = None
        self.attempt = 0
        self.reconnect_in_s = None

    async def run(self):
        while True:
            try:
                async with websockets.connect(self.url, subprotocols=["fanwire.v1"], max_size=None) as socket:
                    if socket.subprotocol != "fanwire.v1":
                        raise SystemExit("the server does not speak fanwire.v1")
                    self.attempt = 0
                    await self.listen(socket)
            except (OSError, websockets.WebSocketException, asyncio.TimeoutError):
                pass
            await asyncio.sleep(self.wait_s())

    def wait_s(self):
        if self.reconnect_in_s is not None:
            wait, self.reconnect_in_s = self.reconnect_in_s, None
            return wait
        self.attempt += 1
        return random.uniform(0, min(CAP_S, BASE_S * 2 ** (self.attempt - 1)))

    async def subscribe(self, socket):
        op = {"op": "sub", "topic": self.topic, "id": "sub"}
        if self.position is not None:
            op["since"] = self.position
        await socket.send(json.dumps(op))

    async def listen(self, socket):
        await self.subscribe(socket)
        joined = False
        async for frame in socket:
            said = json.loads(frame)
            op = said["op"]
            if op == "ok" and said.get("id") == "sub":
                joined = True
                self.confirmed(said)
            elif op == "error":
                raise SystemExit(f"{said['code']}: {said['message']}")
            elif op == "msg" and joined:
                if "seq" in said:
                    self.position = {"epoch": self.position["epoch"], "seq": said["seq"]}
                say(message=said["data"])
            elif op == "lost" and joined:
                if said.get("recoverable"):
                    joined = False
                    await self.subscribe(socket)
                else:
                    say(gap="lost")
            elif op == "drain":
                self.reconnect_in_s = said["reconnectInMs"] / 1000
                return

    def confirmed(self, said):
        if not said.get("recovered"):
            self.position = {"epoch": said["epoch"], "seq": said["seq"]} if "epoch" in said else None
        if "reason" in said:
            say(gap=said["reason"])
        say(live=said.get("replayed", 0))


def say(**line):
    print(json.dumps(line), flush=True)


asyncio.run(Listener(sys.argv[1], sys.argv[2]).run())
