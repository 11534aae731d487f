"""The adapter of protocol_client.py for `fanwire conform` (docs/conformance.md), and one to begin another from."""
import asyncio
import json
import sys

from protocol_client import Client


class ConformAdapter:
    """Each command is a method; what happens goes to stdout, a line each."""

    def tell(self, event, **fields):
        print(json.dumps({"event": event, **fields}), flush=True)

    def connect(self, url, options, tokens=()):
        seconds = {name: options[name] / 1000 for name in options}
        self.client = Client(
            url,
            self.tell,
            tokens,
            seconds["backoffBaseMs"],
            seconds["backoffCapMs"],
            seconds["connectTimeoutMs"],
            seconds["heartbeatMs"],
        )
        self.running = asyncio.ensure_future(self.client.run())

    def subscribe(self, topic, history=None):
        self.client.subscribe(topic, history)

    def unsubscribe(self, topic):
        self.client.unsubscribe(topic)

    def publish(self, ref, topic, data=None, base64=None):
        op = {"op": "pub", "topic": topic, "data": data}
        if base64 is not None:
            op.update(data=base64, encoding="base64")
        self.client.publish(op).add_done_callback(lambda outcome: self.ended(ref, outcome))

    def ended(self, ref, outcome):
        error = outcome.exception()
        if error is None:
            self.tell("published", ref=ref, seq=outcome.result())
        else:
            self.tell("failed", ref=ref, code=error.code)

    def close(self):
        self.closing = asyncio.ensure_future(self.client.close())

    async def run(self):
        commands = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        self.tell("ready", name="protocol_client.py", can=["publish", "history", "token", "tokens", "refusals"])
        while line := await commands.readline():
            command = json.loads(line)
            getattr(self, command.pop("do"))(**command)


asyncio.run(ConformAdapter().run())
