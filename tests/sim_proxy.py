"""A guest's store connection at the level of its messages: several clients on one ring."""
import os
import socket
import struct

from libsim import expect, inside, sim

DIRECTORY, READ, WATCH, UNWATCH, START, END = 1, 2, 4, 5, 6, 7
WRITE, EVENT, ERROR, RESET = 11, 15, 16, 21
HEADER = struct.Struct("<IIII")


class Client:
    """One libxenstore, without libxenstore."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(os.path.join(os.path.dirname(os.environ["XENSIM_SOCKET"]), "guest-5"))
        self.events = []

    def send(self, kind, *strings, number=0, transaction=0):
        payload = b"\0".join(s.encode() for s in strings)
        self.socket.sendall(HEADER.pack(kind, number, transaction, len(payload)) + payload)

    def exactly(self, length):
        data = b""
        while len(data) < length:
            piece = self.socket.recv(length - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def receive(self):
        kind, number, _, length = HEADER.unpack(self.exactly(HEADER.size))
        return kind, number, self.exactly(length)

    def reply(self):
        while True:
            kind, number, payload = self.receive()
            if kind != EVENT:
                return kind, number, payload.rstrip(b"\0").decode()
            self.events.append(payload.rstrip(b"\0").decode().split("\0"))

    def ask(self, kind, *strings, **options):
        self.send(kind, *strings, **options)
        return self.reply()

    def event(self):
        while not self.events:
            kind, _, payload = self.receive()
            expect(kind == EVENT, f"a reply of kind {kind} that nobody asked for")
            self.events.append(payload.rstrip(b"\0").decode().split("\0"))
        return self.events.pop(0)

    def close(self):
        self.socket.close()


def test_pipelining():
    client = Client()
    for number in range(50):
        client.send(READ, "domid\0", number=1000 + number)
    numbers = [client.reply()[1] for _ in range(50)]
    expect(numbers == [1000 + n for n in range(50)], f"request ids came back as {numbers}")
    client.close()


def test_watches():
    one, other = Client(), Client()
    for client in (one, other):
        expect(client.ask(WATCH, "data", "same\0")[0] == WATCH, "a watch is refused")
        expect(client.event() == ["data", "same"], "the first event is wrong")
    kind, _, text = one.ask(WATCH, "data", "same\0")
    expect((kind, text) == (ERROR, "EEXIST"), f"the same watch twice: {text}")
    expect(one.ask(WRITE, "data/w", "1")[0] == WRITE, "a write is refused")
    for client in (one, other):
        expect(client.event() == ["data/w", "same"], "the event is wrong")
    expect(one.ask(UNWATCH, "data", "same\0")[0] == UNWATCH, "unwatch is refused")
    kind, _, text = one.ask(UNWATCH, "data", "same\0")
    expect((kind, text) == (ERROR, "ENOENT"), f"a second unwatch: {text}")
    one.ask(WRITE, "data/w", "2")
    expect(other.event() == ["data/w", "same"], "the other one's watch is gone too")
    expect(not one.events, "an event after unwatch")
    expect(one.ask(WATCH, "data", "mine\0")[0] == WATCH, "a watch is refused")
    expect(one.ask(RESET)[0] == RESET, "reset of watches is refused")
    one.events.clear()
    other.ask(WRITE, "data/w", "3")
    expect(other.event() == ["data/w", "same"], "reset took another client's watch")
    one.ask(READ, "data/w\0")
    expect(not one.events, "an event after reset")
    one.close()
    other.close()


def test_transactions():
    one, other = Client(), Client()
    kind, _, number = one.ask(START, "\0")
    expect(kind == START, "no transaction")
    one.ask(WRITE, "data/t", "1", transaction=int(number))
    kind, _, text = other.ask(READ, "data/t\0", transaction=int(number))
    expect((kind, text) == (ERROR, "ENOENT"), f"somebody else's transaction: {text}")
    expect(one.ask(END, "T\0", transaction=int(number))[0] == END, "it does not end")
    expect(other.ask(READ, "data/t\0")[2] == "1", "it changed nothing")
    kind, _, text = one.ask(END, "T\0", transaction=int(number))
    expect((kind, text) == (ERROR, "ENOENT"), f"ended twice: {text}")
    one.close()
    other.close()


def test_dead_clients():
    """A guest may have ten transactions and 128 watches: what the dead had must not count."""
    for _ in range(6):
        client = Client()
        for _ in range(5):
            expect(client.ask(START, "\0")[0] == START, "no transaction: one of a dead client?")
        for watch in range(60):
            kind, _, text = client.ask(WATCH, "data", f"{watch}\0")
            expect(kind == WATCH, f"watch {watch}: {text}: one of a dead client?")
        # The replies to these are for nobody.
        client.send(START, "\0")
        client.send(WATCH, "data", "late\0")
        client.socket.sendall(HEADER.pack(WRITE, 0, 0, 100) + b"half")
        client.close()


def test_garbage():
    client = Client()
    client.socket.sendall(HEADER.pack(WRITE, 0, 0, 5000) + bytes(5000))
    try:
        client.receive()
        expect(False, "a message that is too long was answered")
    except (EOFError, ConnectionResetError):
        pass
    client.close()
    client = Client()
    expect(client.ask(999, "x\0")[0] == ERROR, "an unknown request is no error")
    expect(client.ask(WATCH, "no-token")[0] == ERROR, "a watch without token is no error")
    expect(client.ask(READ, "domid\0")[2] == "5", "the connection does not work any more")
    client.close()


def test():
    sim("introduce", "5")
    for part in (test_pipelining, test_watches, test_transactions, test_dead_clients,
                 test_garbage):
        part()
        print(f"ok {part.__name__}", flush=True)


inside(test)
