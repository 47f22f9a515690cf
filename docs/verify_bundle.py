#!/usr/bin/env python3
"""Verify a trial's record from its bundle, without Posology.

    verify_bundle.py BUNDLE [--head HASH] [--root-key KEY] [--sealed FILE]

Needs Python 3.8 and `openssl` (1.1.1 or later) and nothing else. The format is described in the book, "The bundle".

Exit status: 0 where the record is whole; 1 where it is not, with the first bad event and why; 2 where it could not be asked.

Asked: every byte canonical, every hash, header and extent, corrections, certificates, signatures, positions of data cuts,
contents of closed sessions that were unsealed or are at hand. Not asked: whether the trial's rules allowed each event
where it stands (`posology trial verify` replays them), and whether what was recorded is true.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import datetime
from fractions import Fraction

FORMAT = "posology-bundle/1"
SEALED_FORMAT = "posology-sealed/1"
GENESIS = "0" * 64
LINE_LIMIT = 16 * 1024 * 1024
TOLERANCE = 300  # seconds between a signature and its recording


class Bad(Exception):
    """What is not as it must be."""


def canonical(value):
    """RFC 8785 without fractions: keys by UTF-16 code units, no white space, the shortest escapes."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    if isinstance(value, float):
        raise Bad("a number with a fraction or an exponent")
    return json.dumps(value, ensure_ascii=False)


def parse(text):
    def refuse(found):
        raise Bad(f"the number {found}")

    try:
        value = json.loads(text, parse_float=refuse, parse_constant=refuse)
        again = canonical(value).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Bad(f"no JSON: {error}") from None
    found = text.encode("utf-8")
    if again != found:
        same = next((i for i, (a, b) in enumerate(zip(again, found)) if a != b), min(len(again), len(found)))
        raise Bad(f"not canonical JSON from byte {same + 1} on")
    return value


def text_of(line):
    if len(line) > LINE_LIMIT + 1:
        raise Bad(f"a line of more than {LINE_LIMIT} bytes")
    if not line.endswith(b"\n"):
        raise Bad("no newline (byte 0A) at the end of the line")
    try:
        return line[:-1].decode("utf-8")
    except UnicodeDecodeError as error:
        raise Bad(f"no UTF-8 from byte {error.start + 1} on") from None


def keys_are(value, *names):
    if not isinstance(value, dict) or sorted(value) != sorted(names):
        found = ", ".join(sorted(value)) if isinstance(value, dict) else type(value).__name__
        raise Bad(f"expected the keys {', '.join(sorted(names))}, found {found}")


def text_at(value, *path):
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, str):
        raise Bad(f"no text at {'.'.join(path)}")
    return value


def hexadecimal(text, digits):
    if not re.fullmatch(f"[0-9a-f]{{{digits}}}", text):
        raise Bad(f"expected {digits} hexadecimal digits, found {text!r}")
    return text


def seconds(instant):
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z", instant)
    if not found:
        raise Bad(f"expected an instant in UTC, found {instant!r}")
    whole = datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S") - datetime(1970, 1, 1)
    return whole.days * 86400 + whole.seconds + Fraction(found[2] or 0)


def ed25519(key, message, signature):
    """Whether openssl holds a signature good."""
    der = bytes.fromhex("302a300506032b6570032100" + hexadecimal(key, 64))  # RFC 8410
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("key", "message", "signature")]
        for path, content in zip(paths, (der, message, bytes.fromhex(hexadecimal(signature, 128)))):
            with open(path, "wb") as file:
                file.write(content)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", paths[0], "-rawin"]
        command += ["-in", paths[1], "-sigfile", paths[2]]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


def sha256(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


class Record:
    """The record, event by event."""

    def __init__(self):
        self.hashes = []
        self.position_of = {}
        self.stands = {}  # what a correction may name: hash -> (type, subject)
        self.trial = None
        self.root = None
        self.first_root = None
        self.keys = {}  # key -> [user or None for a root, position of the event that ended it or None]
        self.sealed = {}
        self.certificates = 0
        self.signatures = 0
        self.unsealed = 0

    def take(self, event, event_hash):
        if not isinstance(event, dict):
            raise Bad("expected an event, found none")
        at = text_at(event, "recorded-at")
        text_at(event, "recorded-by")
        keys_are(event.get("fact"), "body", "type")
        kind, body = text_at(event, "fact", "type"), event["fact"]["body"]
        if not isinstance(body, dict):
            raise Bad("expected a fact with a body, found none")
        position = len(self.hashes) + 1
        if (position == 1) != (kind == "trial-founded/1"):
            raise Bad(f"expected the founding first and once, found {kind} at {position}")
        if "corrects" in event:
            self.correct(event["corrects"], kind, body.get("subject"))
        handler = {
            "trial-founded/1": self.founded,
            "key-issued/1": self.issued,
            "root-key-rotated/1": self.rotated,
            "key-revoked/1": self.revoked,
            "signature/1": self.signature,
            "data-cut/1": self.cut,
            "sealed/1": self.seal,
            "unsealed/1": self.unseal,
            "retracted/1": self.retract,
        }.get(kind)
        if handler:
            handler(body, at, event_hash)
        self.hashes.append(event_hash)
        self.position_of[event_hash] = position
        self.stands[event_hash] = (kind, body.get("subject"))

    def correct(self, correction, kind, subject):
        keys_are(correction, "hash", "reason")
        if self.stands.pop(text_at(correction, "hash"), None) != (kind, subject):
            raise Bad("a correction of no earlier event of its type and subject that still stands")

    def retract(self, body, _at, _hash):
        kind, subject = self.stands.pop(text_at(body, "event"), (None, None))
        if kind in (None, "retracted/1") or subject != text_at(body, "subject"):
            raise Bad("a retraction of no earlier event of its subject that still stands")

    def founded(self, body, _at, _hash):
        self.trial = text_at(body, "trial")
        self.root = self.first_root = text_at(body, "root-key")
        self.keys[hexadecimal(self.root, 64)] = [None, None]

    def certified(self, statement, body):
        key, certificate = text_at(body, "key"), text_at(body, "certificate")
        if key in self.keys:
            raise Bad(f"the key {key} is in the record already")
        if not ed25519(self.root, canonical(statement).encode("utf-8"), certificate):
            raise Bad(f"the certificate of the key {key} is not that of the root key {self.root}")
        self.certificates += 1
        return key

    def issued(self, body, _at, _hash):
        user, key = text_at(body, "user"), text_at(body, "key")
        statement = {"certifies": "posology-key/1", "key": key, "trial": self.trial, "user": user}
        self.keys[self.certified(statement, body)] = [user, None]

    def rotated(self, body, _at, _hash):
        statement = {"certifies": "posology-root/1", "key": text_at(body, "key"), "trial": self.trial}
        key = self.certified(statement, body)
        self.keys[self.root][1] = len(self.hashes) + 1
        self.keys[key] = [None, None]
        self.root = key

    def revoked(self, body, _at, _hash):
        life = self.keys.get(text_at(body, "key"))
        if life and life[0] is not None and life[1] is None:
            life[1] = len(self.hashes) + 1

    def signature(self, body, at, _hash):
        keys_are(body, "signature", "statement")
        statement = body["statement"]
        keys_are(statement, "at", "key", "meaning", "printed-name", "role", "signs", "trial", "user")
        user, key = text_at(statement, "user"), text_at(statement, "key")
        if text_at(statement, "trial") != self.trial:
            raise Bad(f"a signature of {user!r} in another trial")
        if text_at(statement, "signs") not in self.position_of:
            raise Bad(f"a signature of {user!r} on no earlier event")
        holder, ended = self.keys.get(key, (None, None))
        if holder != user:
            raise Bad(f"a signature of {user!r} with a key that was not issued to them")
        if ended is not None:
            raise Bad(f"a signature of {user!r} with a key that event {ended} revoked")
        if abs(seconds(at) - seconds(text_at(statement, "at"))) > TOLERANCE:
            raise Bad(f"a signature of {user!r} more than {TOLERANCE} seconds from its recording")
        if not ed25519(key, canonical(statement).encode("utf-8"), text_at(body, "signature")):
            raise Bad(f"a signature of {user!r} that does not follow from statement and key")
        self.signatures += 1

    def cut(self, body, _at, _hash):
        cut = body.get("cut")
        position, head = cut.get("position") if isinstance(cut, dict) else None, text_at(body, "cut", "head")
        if type(position) is not int or not 0 <= position <= len(self.hashes):
            raise Bad(f"a data cut at position {position}, which is no earlier one")
        if head != ([GENESIS] + self.hashes)[position]:
            raise Bad(f"a data cut whose head is not that of position {position}")

    def seal(self, body, _at, event_hash):
        commitment = hexadecimal(text_at(body, "commitment"), 64)
        self.sealed[event_hash] = (commitment, text_at(body, "kind"), body.get("review"))

    def opens(self, sealed, salt, content):
        commitment, kind, review = sealed
        if sha256(salt + canonical(content)) != commitment:
            raise Bad("a content whose commitment is another than the one sealed")
        body = content.get("body") if isinstance(content, dict) else None
        if (text_at(content, "type"), body.get("review") if isinstance(body, dict) else None) != (kind, review):
            raise Bad("a content of another kind or review than the one sealed")
        self.unsealed += 1

    def unseal(self, body, _at, _hash):
        sealed = self.sealed.get(text_at(body, "sealed"))
        if sealed is None:
            raise Bad("a content of no earlier commitment")
        self.opens(sealed, text_at(body, "salt"), body.get("content"))


def verify(file, head, root_key):
    """The record and its header; or the first bad event and why."""
    position, previous, record = 1, GENESIS, Record()
    try:
        header = parse(text_of(file.readline(LINE_LIMIT + 2)))
        keys_are(header, "bundle", "events", "head", "root-key", "trial")
        if header["bundle"] != FORMAT:
            raise Bad(f"expected {FORMAT}, found {header['bundle']!r}")
        events = header["events"]
        if type(events) is not int or events < 1:
            raise Bad("a header without a number of events")
        hexadecimal(text_at(header, "head"), 64)
        while True:
            raw = file.readline(LINE_LIMIT + 2)
            if not raw and position > events:
                if previous != header["head"]:
                    position = events
                    raise Bad(f"expected the head {header['head']}, as the header says, found {previous}")
                break
            if not raw:
                raise Bad(f"expected {events} events, as the header says, found {position - 1}: the end is missing")
            text = text_of(raw)
            line = parse(text)
            keys_are(line, "event", "hash")
            event_hash = hexadecimal(text_at(line, "hash"), 64)
            # The line is canonical, so that the event's bytes are those between.
            body = text[len('{"event":') : -len(',"hash":"' + event_hash + '"}')]
            expected = sha256(previous + body)
            if event_hash != expected:
                raise Bad(f"expected the hash {expected}, found {event_hash}: an event was changed, removed or moved")
            if position > events:
                raise Bad(f"expected {events} events, as the header says, found more")
            record.take(line["event"], event_hash)
            if position == 1 and (record.trial, record.root) != (header["trial"], header["root-key"]):
                raise Bad("the header names another trial or root key than the founding")
            if position == 1 and root_key is not None and record.root != root_key:
                raise Bad(f"expected the root key {root_key}, noted elsewhere, found {record.root}")
            previous, position = event_hash, position + 1
    except Bad as bad:
        return None, position, str(bad)
    if head is not None and head not in record.position_of:
        return None, None, f"expected an event with the hash {head}, noted elsewhere, found none"
    return record, None, None


def contents(record, file):
    """Contents of closed sessions at hand, against what was committed to."""
    commitments = {sealed[0]: sealed for sealed in record.sealed.values()}
    header = parse(text_of(file.readline(LINE_LIMIT + 2)))
    keys_are(header, "contents", "head", "sealed", "trial")
    if (header["sealed"], header["trial"]) != (SEALED_FORMAT, record.trial):
        raise Bad("no file of closed sessions of this trial")
    last, count = "", 0
    for raw in iter(lambda: file.readline(LINE_LIMIT + 2), b""):
        line = parse(text_of(raw))
        keys_are(line, "commitment", "content", "salt")
        commitment = text_at(line, "commitment")
        if commitment not in commitments or commitment <= last:
            raise Bad(f"the commitment {commitment} is none of the record, or out of order")
        record.opens(commitments[commitment], text_at(line, "salt"), line["content"])
        last, count = commitment, count + 1
    if count != header["contents"]:
        raise Bad(f"expected {header['contents']} contents, found {count}")


def main():
    arguments = argparse.ArgumentParser(description="Verify a trial's record from its bundle, without Posology.")
    arguments.add_argument("bundle")
    arguments.add_argument("--head", help="a head noted elsewhere: an event of this hash must be there")
    arguments.add_argument("--root-key", help="the trial's root key, as noted at its founding")
    arguments.add_argument("--sealed", help="the file of closed sessions, where it is at hand")
    given = arguments.parse_args()
    try:
        subprocess.run(["openssl", "version"], capture_output=True, check=True)
        with open(given.bundle, "rb") as file:
            record, position, why = verify(file, given.head, given.root_key)
        if record is not None and given.sealed:
            try:
                with open(given.sealed, "rb") as file:
                    contents(record, file)
            except Bad as bad:
                record, why = None, f"closed sessions: {bad}"
    except (OSError, subprocess.SubprocessError) as error:
        print(f"{given.bundle}: could not be asked: {error}", file=sys.stderr)
        return 2
    if record is None:
        print(f"{given.bundle}: NOT whole: first bad is {f'event {position}' if position else 'the whole'}: {why}")
        return 1
    print(f"{given.bundle}: whole: trial {record.trial}, {len(record.hashes)} events, head {record.hashes[-1]}")
    print(f"root key {record.first_root}")
    print(f"{record.certificates} certificates and {record.signatures} signatures hold")
    print(f"{len(record.sealed)} commitments of closed sessions, {record.unsealed} contents seen")
    if given.head is None or given.root_key is None:
        print("Compare head and root key with those noted elsewhere: a record written anew is whole in itself.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
