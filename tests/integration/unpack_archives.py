"""unpack_archives.py DIRECTORY OUTSIDE   hostile and honest archives for unpack.sh; OUTSIDE is what none may touch"""
import io
import os
import sys
import tarfile

directory, outside = sys.argv[1:]
up = "../" * 30 + outside.lstrip("/")


def item(name, kind=tarfile.REGTYPE, data=b"hostile\n", mode=0o644, link="", **rest):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.mtime = kind, mode, link, 1000000000
    for key, value in rest.items():
        setattr(info, key, value)
    if kind == tarfile.REGTYPE:
        info.size = len(data)
    return info, data


def write(name, *items, mode="w", **options):
    with tarfile.open(f"{directory}/{name}.tar", mode, format=tarfile.PAX_FORMAT, **options) as tar:
        for info, data in items:
            tar.addfile(info, io.BytesIO(data) if info.type == tarfile.REGTYPE else None)


LINK, HARD, DIR = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
hostile = {
    "dotdot": [item(up + "/new")],
    "dotdot-inside": [item("a/../../new")],
    "dotdot-directory": [item(up, DIR, mode=0o777)],
    "absolute": [item(outside + "/new")],
    "absolute-over": [item(outside + "/file")],
    "link-absolute": [item("l", LINK, link=outside), item("l/new")],
    "link-relative": [item("l", LINK, link=up), item("l/new")],
    "link-over": [item("l", LINK, link=outside + "/file"), item("l")],
    "link-chain": [item("a", LINK, link="b"), item("b", LINK, link=up), item("a/new"), item("a/d", DIR, mode=0o777)],
    "link-directory": [item("l", LINK, link=outside), item("l", DIR, mode=0o777), item("l/new")],
    "link-late": [item("d", DIR, mode=0o777, mtime=1), item("d/f"), item("d", LINK, link=outside)],
    "link-mode": [item("l", LINK, link=outside + "/file", mode=0o777, uid=12345)],
    "link-deep": [item("a/b", DIR), item("a/b/l", LINK, link="../../../../../../../../../../" + outside.lstrip("/")), item("a/b/l/new")],
    "hard-absolute": [item("h", HARD, link=outside + "/file"), item("h")],
    "hard-dotdot": [item("h", HARD, link=up + "/file"), item("h")],
    "hard-link": [item("l", LINK, link=outside), item("h", HARD, link="l/file"), item("h")],
    "hard-of-link": [item("l", LINK, link=outside + "/file"), item("h", HARD, link="l"), item("h", mode=0o777)],
    "whiteout": [item("l", LINK, link=outside), item("l/.wh.file")],
    "whiteout-dotdot": [item(".wh...")],
    "whiteout-dot": [item("d/.wh..")],
    "whiteout-opaque": [item("l", LINK, link=outside), item("l/.wh..wh..opq")],
    "proc": [item("p", LINK, link="/proc/self/root"), item("p" + outside + "/new")],
    "top-link": [item(".", LINK, link=outside), item("new")],
    "top-file": [item("./")],
    "attribute": [item("l", LINK, link=outside + "/file"), item("l", pax_headers={"SCHILY.xattr.user.hostile": "1"})],
    "long": [item("/".join(["d" * 200] * 30))],
    "name": [item("n" * 300)],
}
for name, items in hostile.items():
    write("hostile-" + name, *items)
write("device", item("sda", tarfile.BLKTYPE, devmajor=8, devminor=0), item("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
      item("fifo", tarfile.FIFOTYPE), item("file"))
write("bomb-entries", *[item(f"f{i}", data=b"") for i in range(2000)])
write("bomb-zeros", item("zeros", data=bytes(50 << 20)), mode="w:gz")
write("set-id", item("f", mode=0o6755, uid=1234, gid=1235), item("d", DIR, mode=0o2770, uid=1234, gid=1235))
closed = [item("d", DIR, mode=0o500, mtime=5), item("d/e", DIR, mode=0, mtime=6), item("d/e/f", mtime=7)]
write("closed", *closed)
write("names", item("ü/ß"), item("new\nline"), item("\udcff\udcfe"))
for kind in "gz", "xz", "bz2":
    write("packed-" + kind, item("f"), mode="w:" + kind)
with open(f"{directory}/bomb-entries.tar", "rb") as f:
    data = f.read()
with open(f"{directory}/cut.tar", "wb") as f:
    f.write(data[:1000])
with open(f"{directory}/noise.tar", "wb") as f:
    f.write(os.urandom(20000))
# two layers of an image
write("layer1", item("gone", data=b"1"), item("d/old", data=b"1"), item("o/old", data=b"1"), item("o/sub/old", data=b"1"),
      item("usr/lib", DIR), item("lib", LINK, link="usr/lib"), item("f", data=b"1"), item("kind/f", data=b"1"), item("was", data=b"1"))
write("layer2", item(".wh.gone", data=b""), item("d/.wh.old", data=b""), item("d/new", data=b"2"), item("o/new", data=b"2"),
      item("o/sub/new", data=b"2"), item("o/.wh..wh..opq", data=b""), item("lib/x", data=b"2"), item("lib", LINK, link="usr/lib"),
      item("f", data=b"2"), item("kind", data=b"2"), item("was", DIR), item("was/f", data=b"2"), item("h", HARD, link="f"),
      item(".wh.mine", data=b""), item("mine", data=b"2"), item(".wh..wh.plnk", data=b""))
