"""A server on this machine that speaks the chat completions protocol, and misbehaves when told to."""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GOOD = "There is an acute infarct of about {n} ml in the left hemisphere. It is a lesion of the frontal lobe."


class ChatServer:
    """Answers at `url`; `behave(n, earlier)` says how the n-th request (from 0) is met.

    `earlier` is how often the same question (by its idempotency key) was asked before. Behaviours: `ok`,
    `text:...`, `refuse`, `length:...`, `status:429:HEADER=VALUE,...`, `hang`, `trickle`, `cut`, `badjson`,
    `notacompletion`, `redirect:URL`, `hold` (waits for `release`), `body:HEADER=VALUE,...:BODY`, `endless`.
    """

    def __init__(self, behave=lambda n, earlier: "ok"):
        self.behave = behave
        self.requests, self.bodies, self.times = [], [], []
        self.earlier = Counter()
        self.paid = Counter()
        self.tokens = [0, 0]
        self.release = threading.Event()
        self.lock = threading.Lock()
        self.at_once = self.most_at_once = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                server.serve(self)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def __enter__(self):
        # A short poll keeps the end of each test short.
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self.http.shutdown()
        self.http.server_close()

    def serve(self, handler):
        raw = handler.rfile.read(int(handler.headers["content-length"]))
        key = handler.headers.get("idempotency-key", "")
        with self.lock:
            n, earlier = len(self.requests), self.earlier[key]
            self.requests.append(dict(handler.headers.items()))
            self.bodies.append(raw)
            self.times.append(time.monotonic())
            self.earlier[key] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.meet(handler, key, self.behave(n, earlier), n)
        except OSError:
            pass
        finally:
            with self.lock:
                self.at_once -= 1

    def meet(self, handler, key, behaviour, n):
        kind, _, detail = behaviour.partition(":")
        if kind in ("hang", "cut"):
            if kind == "hang":
                self.release.wait(30)
            else:
                handler.send_response(200)
                handler.send_header("content-length", "5000")
                handler.end_headers()
                handler.wfile.write(b'{"choices": [{"mess')
                handler.wfile.flush()
            handler.close_connection = True
            handler.connection.close()
            return
        if kind == "trickle":
            handler.send_response(200)
            handler.send_header("content-length", "5000")
            handler.end_headers()
            while not self.release.wait(0.05):
                handler.wfile.write(b" ")
                handler.wfile.flush()
            return
        if kind == "hold" and not self.release.wait(30):
            return
        if kind == "status":
            status, _, headers = detail.partition(":")
            told = dict(pair.split("=", 1) for pair in headers.split(",") if pair)
            body = told.pop("body", '{"error": {"message": "not now", "code": null}}')
            self.send(handler, int(status), body.encode(), told)
        elif kind == "body":
            headers, _, body = detail.partition(":")
            self.send(
                handler, 200, body.encode("latin-1"), dict(pair.split("=") for pair in headers.split(",") if pair)
            )
        elif kind == "endless":
            handler.send_response(200)
            handler.end_headers()
            while True:
                handler.wfile.write(b" " * 65536)
        elif kind == "redirect":
            self.send(handler, 307, b"", {"location": detail})
        elif kind == "badjson":
            self.send(handler, 200, b'{"choices": [{"message": {"content": "half')
        elif kind == "notacompletion":
            self.send(handler, 200, b'{"detail": "try again"}')
        else:
            text = {"text": detail, "length": detail, "refuse": ""}.get(kind, GOOD.format(n=n))
            completion = {
                "model": "served-model-2026",
                "system_fingerprint": "fp_1",
                "choices": [
                    {
                        "message": {
                            "role": "assistant",
                            "content": text,
                            "refusal": "I cannot help with medical images." if kind == "refuse" else None,
                        },
                        "finish_reason": "length" if kind == "length" else "stop",
                    }
                ],
                "usage": {"prompt_tokens": 100 + n, "completion_tokens": 10 + n},
            }
            with self.lock:
                self.paid[key] += 1
                self.tokens[0] += 100 + n
                self.tokens[1] += 10 + n
            self.send(handler, 200, json.dumps(completion).encode())

    @staticmethod
    def send(handler, status, body, headers=()):
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(body)))
        for name, value in dict(headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
