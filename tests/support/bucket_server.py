"""A server on this machine with the listing format of a public S3 bucket, whose files can be cut or spoilt."""

import hashlib
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class BucketServer:
    """Serves `files` (key -> bytes) as bucket `openneuro.org` at `url`, and as a mirror (HOST/PATH) at `mirror`.

    `behave(key, n)` says how the n-th request (from 0) for a file is met: `ok`, `cut:N` (connection closed after
    N bytes of the answer), `corrupt` (other bytes of the same length), `norange` (the whole file whatever was
    asked for), `status:N`, `status:N:SECONDS` with Retry-After. A page of the listing has the key "" and is `ok`
    or a status. Keys in `in_parts` are listed with the checksum of an upload in parts.
    """

    def __init__(self, files, behave=lambda key, n: "ok", page=7, in_parts=()):
        self.files, self.behave, self.page, self.in_parts = dict(files), behave, page, set(in_parts)
        self.asked, self.sent, self.ranges, self.pages = Counter(), Counter(), [], 0
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                try:
                    server.serve(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.mirror = f"http://127.0.0.1:{self.http.server_port}"
        self.url = f"{self.mirror}/openneuro.org"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def etag(self, key):
        digest = hashlib.md5(self.files[key]).hexdigest()
        return f'"{digest[::-1]}-2"' if key in self.in_parts else f'"{digest}"'

    def serve(self, handler):
        parts = urlsplit(handler.path)
        key = unquote(parts.path).removeprefix("/s3.amazonaws.com").removeprefix("/openneuro.org/")
        if not key:
            self.list(handler, {name: value[0] for name, value in parse_qs(parts.query).items()})
        elif key in self.files:
            self.get(handler, key)
        else:
            send(handler, 404, b"<Error><Code>NoSuchKey</Code></Error>")

    def list(self, handler, query):
        assert query["list-type"] == "2"
        kind, _, detail = self.behave("", self.pages).partition(":")
        self.pages += 1
        if kind == "status":
            send_status(handler, detail)
            return
        keys = sorted(key for key in self.files if key.startswith(query.get("prefix", "")))
        start = int(query.get("continuation-token", "token-0=/+ ").split("-")[1].split("=")[0])
        shown, left = keys[start : start + self.page], keys[start + self.page :]
        token = escape(f"token-{start + self.page}=/+ ")
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2024-05-01T00:00:00.000Z</LastModified>"
            f"<ETag>{escape(self.etag(key), {chr(34): '&quot;'})}</ETag><Size>{len(self.files[key])}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for key in shown
        )
        more = f"<NextContinuationToken>{token}</NextContinuationToken>" if left else ""
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="{NAMESPACE}"><Name>openneuro.org</Name>'
            f"<Prefix>{escape(query.get('prefix', ''))}</Prefix><KeyCount>{len(shown)}</KeyCount>"
            f"<MaxKeys>{self.page}</MaxKeys><IsTruncated>{'true' if left else 'false'}</IsTruncated>{more}{entries}"
            "</ListBucketResult>"
        )
        send(handler, 200, body.encode(), {"content-type": "application/xml"})

    def get(self, handler, key):
        with self.lock:
            n = self.asked[key]
            self.asked[key] += 1
        kind, _, detail = self.behave(key, n).partition(":")
        data, status, headers = self.files[key], 200, {"etag": self.etag(key), "accept-ranges": "bytes"}
        if kind == "status":
            send_status(handler, detail)
            return
        if kind == "corrupt":
            data = bytes(byte ^ 0x55 for byte in data)
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("range", ""))
        if asked and kind != "norange" and handler.headers.get("if-range", self.etag(key)) == self.etag(key):
            start, whole = int(asked[1]), len(data)
            self.ranges.append((key, start))
            data, status = data[start:], 206
            headers["content-range"] = f"bytes {start}-{whole - 1}/{whole}"
        handler.send_response(status)
        handler.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        data = data[: int(detail)] if kind == "cut" else data
        # Counted before the bytes leave: a reader that has them all may look at the count at once.
        with self.lock:
            self.sent[key] += len(data)
        handler.wfile.write(data)
        handler.wfile.flush()
        if kind == "cut":
            handler.close_connection = True
            handler.connection.close()


def send_status(handler, detail):
    status, _, seconds = detail.partition(":")
    send(handler, int(status), b"<Error/>", {"retry-after": seconds} if seconds else {})


def send(handler, status, body, headers=()):
    handler.send_response(status)
    handler.send_header("content-length", str(len(body)))
    for name, value in dict(headers).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
