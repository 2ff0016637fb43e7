"""images_registry.py LAYOUT PORTFILE   a registry of the images in an OCI layout, by their tags, for user "me" with password "s e:cret" """
import base64
import http.server
import json
import sys

layout, port_file = sys.argv[1:]
wanted = "Basic " + base64.b64encode(b"me:s e:cret").decode()


def blob(digest):
    with open(f"{layout}/blobs/{digest.replace(':', '/')}", "rb") as f:
        return f.read()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, data=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def find(self):
        parts = self.path.strip("/").split("/")
        if len(parts) < 4:
            return b"{}", "application/json"
        kind, name = parts[-2:]
        if kind == "blobs":
            return blob(name), "application/octet-stream"
        with open(f"{layout}/index.json", encoding="utf-8") as f:
            manifests = json.load(f)["manifests"]
        for entry in manifests:
            if name in (entry["digest"], entry.get("annotations", {}).get("org.opencontainers.image.ref.name")):
                return blob(entry["digest"]), entry["mediaType"]
        raise OSError(name)

    def do_GET(self):
        if self.headers.get("Authorization") != wanted:
            return self.answer(401, WWW_Authenticate='Basic realm="test"', Docker_Distribution_Api_Version="registry/2.0")
        try:
            data, kind = self.find()
        except OSError:
            return self.answer(404)
        return self.answer(200, data, Content_Type=kind)

    do_HEAD = do_GET


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(port_file, "w", encoding="utf-8") as f:
    f.write(str(server.server_port))
server.serve_forever()
