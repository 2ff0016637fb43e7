"""images_server.py DIRECTORY PORTFILE   an image server that misbehaves as DIRECTORY/.orders says, and a proxy

Lines of .orders: "cut PATH BYTES" (the first answer for it ends after so many bytes, Content-Length says more),
"noise PATH" (another content of the same length). Every request is a line of DIRECTORY/.requests: PATH RANGE; a proxy's
request (a whole URL) has "proxy" in front.
"""
import http.server
import os
import sys

directory, port_file = sys.argv[1:]
cut_already = set()


def orders():
    try:
        with open(f"{directory}/.orders") as f:
            return [line.split() for line in f]
    except FileNotFoundError:
        return []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path, is_proxy = self.path, self.path.startswith("http://")
        if is_proxy:
            path = "/" + path.split("/", 3)[3]
        requested = self.headers.get("Range", "")
        with open(f"{directory}/.requests", "a") as f:
            f.write(f"{'proxy ' if is_proxy else ''}{path} {requested}\n")
        try:
            with open(directory + path, "rb") as f:
                data = f.read()
        except OSError:
            return self.send_error(404)
        end = None
        for order, name, *rest in orders():
            if name == path and order == "noise":
                data = os.urandom(len(data))
            if name == path and order == "cut" and path not in cut_already:
                cut_already.add(path)
                end = int(rest[0])
        start = int(requested[6:].rstrip("-").split("-")[0]) if requested.startswith("bytes=") else 0
        if start >= len(data):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start:][:end])


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(port_file + ".new", port_file)
server.serve_forever()
