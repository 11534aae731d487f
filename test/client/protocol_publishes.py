"""The publishes of protocol_client.py: each is said in order, no faster than the relay allows, again where its answer was cut off, and ends once."""
import asyncio
import json
import time
import uuid

MAX_WAIT_S = 3600
CONFIRM_S = 120


class Refused(Exception):
    """A refusal, or this client's own word: `code` is stable."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def bounded(value, least, most=MAX_WAIT_S):
    """A wait that somebody else asks for, whatever it is: a number within bounds."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
    return min(max(value, least), most) if is_number else least


def passing(said):
    """After how many seconds a refusal passes; None where it is final."""
    return bounded(said["retryAfterMs"] / 1000, 0) if isinstance(said.get("retryAfterMs"), (int, float)) else None


class Publish:
    def __init__(self, op, outcome):
        self.op = op
        self.pid = uuid.uuid4().hex
        self.outcome = outcome
        self.said_at = None
        self.is_on_its_way = False


class Publishes:
    """The client has `limits`, `numbers`, `asked`, `topics`, `is_closed`, `base_s`, `say()` and `start()`."""

    def __init__(self):
        self.publishes = []  # in order; each stays until it has ended
        self.own = set()
        self.something_to_send = asyncio.Event()

    def publish(self, op):
        """A `pub` without its ids. The future ends with its number, or Refused."""
        outcome = asyncio.get_running_loop().create_future()
        if self.is_closed:
            outcome.set_exception(Refused("CLOSED"))
        else:
            self.publishes.append(Publish(op, outcome))
            self.something_to_send.set()
        return outcome

    def is_own(self, pid, seq):
        for publish in self.publishes:
            if publish.pid == pid:
                self.end(publish, seq)
        return pid in self.own

    def end(self, publish, result):
        if publish.outcome.done():
            return
        self.publishes = [other for other in self.publishes if other is not publish]
        if isinstance(result, Refused):
            publish.outcome.set_exception(result)
        else:
            publish.outcome.set_result(result)

    async def send_publishes(self):
        while True:
            await self.something_to_send.wait()
            self.something_to_send.clear()
            if self.limits is None:
                continue
            # What is to be said again goes before what is new: the list has their order.
            for publish in [one for one in self.publishes if not one.is_on_its_way]:
                await self.pace()
                if publish.outcome.done():
                    continue
                await self.send_publish(publish)

    async def pace(self):
        per_s = self.limits.get("publishesPerS")
        while per_s:
            now = time.monotonic()
            self.credit = min(per_s, self.credit + (now - self.credit_at) * per_s * 0.95)
            self.credit_at = now
            if self.credit >= 1:
                self.credit -= 1
                return
            await asyncio.sleep((1 - self.credit) / per_s)

    async def send_publish(self, publish):
        number = next(self.numbers)
        op = {**publish.op, "pid": publish.pid, "id": number}
        if publish.said_at is not None:
            op["repeat"] = int(1000 * (time.monotonic() - publish.said_at))
        if len(json.dumps(op).encode()) > self.limits.get("maxPayload", 1e9):
            self.end(publish, Refused("TOO_BIG"))
            return
        if publish.said_at is None:
            publish.said_at = time.monotonic()
            asyncio.get_running_loop().call_later(CONFIRM_S, self.end, publish, Refused("UNCONFIRMED"))
        publish.is_on_its_way = True
        self.own.add(publish.pid)
        self.asked[number] = lambda said: self.published(publish, said)
        await self.say(op)

    def published(self, publish, said):
        wait_s = passing(said) if said["op"] == "error" else None
        if said["op"] == "ok":
            self.end(publish, said.get("seq"))
            self.move_past(publish.op["topic"], said.get("seq"))
        elif wait_s is None:
            self.end(publish, Refused(said["code"]))
        else:
            self.start(self.publish_later(publish, wait_s + self.base_s / 10))

    def move_past(self, name, seq):
        """An own message that is the next is none that can be missed."""
        topic = self.topics.get(name)
        if topic is not None and topic.position is not None and seq == topic.position["seq"] + 1:
            topic.position = {"epoch": topic.position["epoch"], "seq": seq}

    async def publish_later(self, publish, wait_s):
        await asyncio.sleep(wait_s)
        publish.is_on_its_way = False
        self.something_to_send.set()
