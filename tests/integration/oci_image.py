#!/usr/bin/env python3
"""oci_image.py TREE NAME TARGET   an archive TARGET in OCI's layout of one layer, NAME (with a tag), from the directory TREE"""
import hashlib, io, json, os, sys, tarfile

tree, name, target = sys.argv[1:]
arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
out = tarfile.open(target, "w")


def put(path, data):
    info = tarfile.TarInfo(path)
    info.size = len(data)
    out.addfile(info, io.BytesIO(data))


def blob(data, kind):
    digest = hashlib.sha256(data).hexdigest()
    put("blobs/sha256/" + digest, data)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(data)}


packed = io.BytesIO()
with tarfile.open(fileobj=packed, mode="w") as tar:
    tar.add(tree, arcname=".")
layer = blob(packed.getvalue(), "layer.v1.tar")
config = blob(json.dumps({"architecture": arch, "os": "linux", "config": {"Cmd": ["/sbin/init"], "Env": ["PATH=/bin"]},
                          "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode(), "config.v1+json")
manifest = blob(json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode(), "manifest.v1+json")
manifest["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
put("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
put("index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode())
out.close()
