"""images_layout.py ROOTFS LAYOUT   an OCI image layout: ROOTFS as the lowest layer, more layers and hostile images above it"""
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

rootfs, layout = sys.argv[1:]
blobs = f"{layout}/blobs/sha256"
os.makedirs(blobs)
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def blob(data):
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{blobs}/{digest}", "wb") as f:
        f.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def layer(*items, pack="gzip"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, content in items:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, 0o755 if kind == tarfile.DIRTYPE else 0o644
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.linkname = content
                tar.addfile(info)
    data = out.getvalue()
    packed = gzip.compress(data) if pack == "gzip" else subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return {"mediaType": f"application/vnd.oci.image.layer.v1.tar+{pack}", **blob(packed)}


def image(tag, layers, **config):
    text = {"architecture": ARCH, "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": []}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": layers,
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **blob(json.dumps(text).encode())}}
    return {"mediaType": manifest["mediaType"], **blob(json.dumps(manifest).encode()),
            "annotations": {"org.opencontainers.image.ref.name": tag}}


FILE, DIR, LINK, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
out = io.BytesIO()
with tarfile.open(fileobj=out, mode="w:gz") as tar:
    tar.add(rootfs, ".")
base = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **blob(out.getvalue())}
one = layer(("old", FILE, b"1"), ("opaque", DIR, ""), ("opaque/old", FILE, b"1"), ("file", FILE, b"1"))
two = layer((".wh.old", FILE, b""), ("opaque/new", FILE, b"2"), ("opaque/.wh..wh..opq", FILE, b""), ("hard", HARD, "file"),
            ("etc/passwd", FILE, b"root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n"), ("srv", DIR, ""), pack="zstd")
good = image("good", [base, one, two], Entrypoint=["/bin/sh", "-c"], Cmd=['echo "it\'s $A in $PWD" >/dev/console; id -u; exec sleep 1000'],
             Env=["PATH=/bin:/sbin", "A=a b", "LINES=1\n2"], WorkingDir="/srv", User="web", StopSignal="SIGINT")
damaged = layer(("damaged", FILE, b"1"))
with open(f"{blobs}/{damaged['digest'][7:]}", "ab") as f:
    f.write(b"more")
away = [image("dotdot", [base, layer(("../../../../../../../../../../srv/outside", FILE, b"x"))]),
        image("link", [base, layer(("l", LINK, "/srv")), layer(("l/outside", FILE, b"x"))]),
        image("passwd", [base, layer(("etc", DIR, ""), ("etc/passwd", LINK, "/srv/passwd"))], User="out")]
nested = blob(json.dumps({"schemaVersion": 2, "manifests": [
    {**good, "platform": {"os": "linux", "architecture": "other"}, "digest": "sha256:" + "0" * 64},
    {**good, "platform": {"os": "linux", "architecture": ARCH}}]}).encode())
manifests = [good, image("damaged", [base, damaged]), *away,
             {**nested, "mediaType": "application/vnd.oci.image.index.v1+json", "annotations": {"org.opencontainers.image.ref.name": "nested"}}]
with open(f"{layout}/index.json", "w") as f:
    json.dump({"schemaVersion": 2, "manifests": manifests}, f)
with open(f"{layout}/oci-layout", "w") as f:
    f.write('{"imageLayoutVersion": "1.0.0"}')
